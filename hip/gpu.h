// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One GPU, as it is chosen.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hip/gpu_api.h"
#include "penstock/hip_device.h"

namespace penstock::hip {

/// Makes a GPU this thread's current one, and afterwards the one that was.
class CurrentGpu {
 public:
  /// Also a GPU that is current is made so: the thread may be in a context of its own there, where others of the device's threads
  /// are not.
  explicit CurrentGpu(int index) : index_(index) {
    static_cast<void>(hipGetDevice(&before_));
    error_ = hipSetDevice(index);
  }
  ~CurrentGpu() {
    if (before_ != index_) static_cast<void>(hipSetDevice(before_));
  }
  CurrentGpu(const CurrentGpu&) = delete;
  CurrentGpu& operator=(const CurrentGpu&) = delete;

  /// Whether it is current. Errors: ResourceExhausted; FailedPrecondition; Unavailable.
  absl::Status status() const;

 private:
  const int index_;
  int before_ = 0;
  hipError_t error_;
};

/// Resets a GPU, by which all that the process has there is gone. Requires: it is current. Threads: any.
void Reset(int gpu);
/// How often that was done. Threads: any.
u64 ResetCount(int gpu);

/// From now until a GPU is reset. Who has memory there frees it only before: afterwards others may have it at that address.
/// Threads: any.
class UntilReset {
 public:
  explicit UntilReset(int gpu) : gpu_(gpu), resets_(ResetCount(gpu)) {}
  bool is_over() const { return ResetCount(gpu_) != resets_; }

 private:
  int gpu_;
  u64 resets_;
};

/// Errors: FailedPrecondition: there is no such GPU, and which there are.
absl::StatusOr<GpuFacts> FindGpu(u32 index);

/// Settings of the process under which a launch returns only when the kernel has ended: for an endless kernel, never.
/// Errors: FailedPrecondition, naming the variable.
absl::Status CheckThatLaunchesReturn();

}  // namespace penstock::hip
