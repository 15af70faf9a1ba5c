// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A megakernel that can be launched: an application's own, compiled into it, or Penstock's.
#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "hip/gpu_api.h"
#include "penstock/device/state.h"

namespace penstock::hip {

/// Threads: one at a time, with the kernel's GPU current.
class Kernel {
 public:
  virtual ~Kernel() = default;

  /// Workgroups that can be resident on one compute unit at a time.
  /// Errors: FailedPrecondition: no code for this GPU; Unavailable.
  virtual absl::StatusOr<u32> WorkgroupsPerComputeUnit() const = 0;
  /// Errors: Unavailable, with nothing launched.
  virtual absl::Status Launch(u32 workgroups, const device::DeviceView& view, hipStream_t stream) const = 0;
};

/// `function`: a __global__ function, as the host calls it.
std::unique_ptr<Kernel> MakeFunctionKernel(const void* function);

/// Penstock's own, for a GPU of this architecture (GpuFacts). Errors: FailedPrecondition: no code for it in this build.
absl::StatusOr<std::unique_ptr<Kernel>> MakeBuiltinKernel(std::string_view architecture);

}  // namespace penstock::hip
