// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One GPU, as it is chosen.
#pragma once

#include "absl/status/statusor.h"
#include "hip/gpu_api.h"
#include "penstock/hip_device.h"

namespace penstock::hip {

/// Makes a GPU this thread's current one, and afterwards the one that was.
class CurrentGpu {
 public:
  explicit CurrentGpu(int index) {
    static_cast<void>(hipGetDevice(&before_));
    static_cast<void>(hipSetDevice(index));
  }
  ~CurrentGpu() { static_cast<void>(hipSetDevice(before_)); }
  CurrentGpu(const CurrentGpu&) = delete;
  CurrentGpu& operator=(const CurrentGpu&) = delete;

 private:
  int before_ = 0;
};

/// Errors: FailedPrecondition: there is no such GPU, and which there are.
absl::StatusOr<GpuFacts> FindGpu(u32 index);

/// Settings of the process under which a launch returns only when the kernel has ended: for an endless kernel, never.
/// Errors: FailedPrecondition, naming the variable.
absl::Status CheckThatLaunchesReturn();

}  // namespace penstock::hip
