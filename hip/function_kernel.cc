// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that a GPU compiler has built into the program: the runtime library picks the code for the GPU.
#include "hip/gpu_error.h"
#include "hip/kernel.h"
#include "penstock/device/gpu_lanes.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(const void* function) : function_(function) {}

  absl::StatusOr<u32> WorkgroupsPerComputeUnit() const override {
    int count = 0;
    const hipError_t error = hipOccupancyMaxActiveBlocksPerMultiprocessor(&count, function_, device::kGpuLanes, 0);
    if (error == hipErrorInvalidDeviceFunction || error == hipErrorNoBinaryForGpu) {
      static_cast<void>(hipGetLastError());
      return MakeError(absl::StatusCode::kFailedPrecondition, What("the program has no code for this GPU: " + ErrorText(error)),
                       Fix("add the GPU's architecture to PENSTOCK_AMD_TARGETS, and build the program again"));
    }
    if (error != hipSuccess) return GpuError(error, "cannot ask how many workgroups of the kernel fit");
    return static_cast<u32>(count);
  }

  absl::Status Launch(u32 workgroups, const device::DeviceView& view, hipStream_t stream) const override {
    device::DeviceView argument = view;
    void* arguments[] = {&argument};
    const hipError_t error = hipLaunchKernel(function_, dim3(workgroups), dim3(device::kGpuLanes), arguments, 0, stream);
    return error == hipSuccess ? absl::OkStatus() : GpuError(error, "cannot launch the megakernel");
  }

 private:
  const void* const function_;
};

}  // namespace

std::unique_ptr<Kernel> MakeFunctionKernel(const void* function) { return std::make_unique<FunctionKernel>(function); }

}  // namespace penstock::hip
