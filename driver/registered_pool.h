// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pool of buffers, registered with a ring: its pages are pinned once, not for each read. The kernel takes it in regions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "driver/uring.h"
#include "penstock/buffer_pool.h"
#include "penstock/export.h"

namespace penstock::driver {

/// Bytes of a region for passthrough commands: about 256 KiB, whole buffers or equal parts of one where that goes, more where the
/// kernel's limit of 16384 regions wants it. A whole number of pages.
PENSTOCK_API size_t CommandRegionBytes(const BufferPool::Options& options);

class RegisteredPool {
 public:
  /// As few regions as possible: a buffer lies in one.
  /// Errors: those of Uring::RegisterMemory; InvalidArgument for buffers above 1 GiB, which the kernel does not take.
  static absl::StatusOr<RegisteredPool> Register(Uring& uring, const BufferPool& pool);

  /// Regions of CommandRegionBytes, as passthrough needs them: Linux 6.1 refuses a command (-EINVAL) if there are more pages from
  /// its address to the end of the region than the controller takes pieces of memory, however short the command is. Commands end
  /// where regions end, or at the last block before that. Errors: those of Uring::RegisterMemory.
  static absl::StatusOr<RegisteredPool> RegisterForCommands(Uring& uring, const BufferPool& pool);

  /// The number that the kernel knows the region around `address` by. Addresses outside the pool give a number whose range does
  /// not hold them: the kernel checks, and answers -EFAULT.
  uint16_t IndexOf(const std::byte* address) const { return static_cast<uint16_t>(Offset(address) / region_bytes_); }
  /// From `address` to the end of its region.
  size_t BytesLeft(const std::byte* address) const { return region_bytes_ - Offset(address) % region_bytes_; }
  size_t region_bytes() const { return region_bytes_; }

 private:
  RegisteredPool(const std::byte* base, size_t region_bytes) : base_(base), region_bytes_(region_bytes) {}
  static absl::StatusOr<RegisteredPool> Register(Uring& uring, const BufferPool& pool, size_t region_bytes);

  size_t Offset(const std::byte* address) const {
    return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(base_);
  }

  const std::byte* base_;
  size_t region_bytes_;
};

}  // namespace penstock::driver
