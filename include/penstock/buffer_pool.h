// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Equal-sized buffers in one piece of memory: what reads land in and the megakernel reads from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/device_memory.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Owns the memory, or shares it with its owner. Buffer i is bytes [i * buffer_bytes, (i + 1) * buffer_bytes) of one mapping,
/// page-aligned. Movable. Threads: const after creation; the bytes belong to whoever holds the buffer.
class BufferPool {
 public:
  /// What the memory lies on.
  enum class Pages {
    kExplicitHuge,     // MAP_HUGETLB: reserved by the administrator
    kTransparentHuge,  // madvise(MADV_HUGEPAGE) was accepted
    kSmall,            // 4 KiB pages
    kDevice,           // a device's memory, through its BAR
  };

  /// What a pool is to be like.
  struct Options {
    size_t buffer_bytes = 0;    // a multiple of kAlignment
    uint32_t buffer_count = 0;  // at least 1
    std::optional<bool> huge_pages =
        {};  // of anonymous memory: reserved ones of 2 MiB, or 4 KiB ones; nothing: the best there is
  };

  /// Alignment of buffers, and grain of their size, in bytes.
  static constexpr size_t kAlignment = 4096;

  /// Anonymous memory, faulted in, on huge pages when the kernel has some.
  /// Errors: InvalidArgument for sizes of zero or not a multiple of kAlignment; ResourceExhausted when memory is short, or the
  /// huge pages that were asked for are.
  static absl::StatusOr<BufferPool> Create(const Options& options);
  /// The first buffer_count * buffer_bytes of a device's memory. Errors: as above; InvalidArgument when it is smaller than that.
  static absl::StatusOr<BufferPool> CreateIn(DeviceMemory memory, const Options& options);

  /// How many buffers there are: fewer than asked for, if the maker says so.
  uint32_t buffer_count() const { return buffer_count_; }
  /// Size of each.
  size_t buffer_bytes() const { return buffer_bytes_; }
  /// What the memory lies on.
  Pages pages() const { return pages_; }
  /// Where the device has the first byte of memory(), if it is not to be registered: see DeviceMemory.
  std::optional<uint64_t> device_address() const { return device_address_; }
  /// It is a device's memory, which io_uring cannot register.
  bool is_device_memory() const { return pages_ == Pages::kDevice; }

  /// Requires: index < buffer_count().
  absl::Span<std::byte> buffer(uint32_t index) const;
  /// All buffers, one after the other: what is registered with io_uring and with the device.
  absl::Span<std::byte> memory() const { return {base_, buffer_bytes_ * buffer_count_}; }

 private:
  BufferPool() = default;

  std::shared_ptr<void> owner_;
  std::byte* base_ = nullptr;
  std::optional<uint64_t> device_address_;
  size_t buffer_bytes_ = 0;
  uint32_t buffer_count_ = 0;
  Pages pages_ = Pages::kSmall;
};

/// Makes pools of one kind of memory: a run's, and small ones of one buffer to probe with. May make fewer buffers than asked for
/// where the memory is what it is.
using BufferPoolMaker = std::function<absl::StatusOr<BufferPool>(const BufferPool::Options&)>;

/// Pools in the peer-to-peer memory of a PCI function (MapPeerMemory): as many buffers as fit, at least one. A pool of several
/// leaves room for one to probe with.
BufferPoolMaker PeerMemoryPools(std::string pci_address);

/// Pools beside one another in one piece of a device's memory, a window for one: as many buffers as fit in a row, at least one. A
/// pool of several leaves room for one to probe with. A pool gives its place back at its end. The maker and its pools share the
/// memory's owner. Threads: the maker may be called by several at once. Errors: ResourceExhausted.
BufferPoolMaker PoolsIn(DeviceMemory memory);

}  // namespace penstock
