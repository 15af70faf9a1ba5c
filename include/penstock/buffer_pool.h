// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Equal-sized buffers in one piece of anonymous memory: what reads land in and the megakernel reads from.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace penstock {

/// Owns the memory. Buffer i is bytes [i * buffer_bytes, (i + 1) * buffer_bytes) of one mapping, page-aligned, faulted in, on
/// huge pages when the kernel has some. Movable. Threads: const after creation; the bytes belong to whoever holds the buffer.
class BufferPool {
 public:
  enum class Pages {
    kExplicitHuge,     // MAP_HUGETLB: reserved by the administrator
    kTransparentHuge,  // madvise(MADV_HUGEPAGE) was accepted
    kSmall,            // 4 KiB pages
  };

  struct Options {
    size_t buffer_bytes = 0;  // a multiple of kAlignment
    uint32_t buffer_count = 0;
  };

  static constexpr size_t kAlignment = 4096;

  /// Errors: InvalidArgument for sizes of zero or not a multiple of kAlignment; ResourceExhausted when memory is short.
  static absl::StatusOr<BufferPool> Create(const Options& options);

  BufferPool(BufferPool&& other) noexcept;
  BufferPool& operator=(BufferPool&& other) noexcept;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  uint32_t buffer_count() const { return buffer_count_; }
  size_t buffer_bytes() const { return buffer_bytes_; }
  Pages pages() const { return pages_; }

  /// Requires: index < buffer_count().
  absl::Span<std::byte> buffer(uint32_t index) const;
  /// All buffers, one after the other: what is registered with io_uring and with the device.
  absl::Span<std::byte> memory() const { return {base_, buffer_bytes_ * buffer_count_}; }

 private:
  BufferPool() = default;

  std::byte* base_ = nullptr;
  size_t mapped_bytes_ = 0;
  size_t buffer_bytes_ = 0;
  uint32_t buffer_count_ = 0;
  Pages pages_ = Pages::kSmall;
};

}  // namespace penstock
