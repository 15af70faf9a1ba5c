// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pool of buffers, registered with a ring: its pages are pinned once, not for each read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "driver/uring.h"
#include "penstock/buffer_pool.h"

namespace penstock::driver {

class RegisteredPool {
 public:
  /// Errors: those of Uring::RegisterMemory; InvalidArgument for buffers above 1 GiB, which the kernel does not take.
  static absl::StatusOr<RegisteredPool> Register(Uring& uring, const BufferPool& pool);

  /// The number that the kernel knows the buffer around `address` by. Addresses outside the pool give a number whose range does
  /// not hold them: the kernel checks, and answers -EFAULT.
  uint16_t IndexOf(const std::byte* address) const {
    return static_cast<uint16_t>((reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(base_)) / region_bytes_);
  }

 private:
  RegisteredPool(const std::byte* base, size_t region_bytes) : base_(base), region_bytes_(region_bytes) {}

  const std::byte* base_;
  size_t region_bytes_;
};

}  // namespace penstock::driver
