// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Penstock's kernel from the code objects that are embedded in the library.
#include "hip/code_objects.h"
#include "hip/gpu_error.h"
#include "hip/kernel.h"
#include "penstock/device/gpu_lanes.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

class ModuleKernel final : public Kernel {
 public:
  ModuleKernel(hipModule_t module, hipFunction_t function) : module_(module), function_(function) {}
  ~ModuleKernel() override { static_cast<void>(hipModuleUnload(module_)); }
  ModuleKernel(const ModuleKernel&) = delete;
  ModuleKernel& operator=(const ModuleKernel&) = delete;

  absl::StatusOr<u32> WorkgroupsPerComputeUnit() const override {
    int count = 0;
    const hipError_t error = hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&count, function_, device::kGpuLanes, 0);
    if (error != hipSuccess) return GpuError(error, "cannot ask how many workgroups of the kernel fit");
    return static_cast<u32>(count);
  }

  absl::Status Launch(u32 workgroups, const device::DeviceView& view, hipStream_t stream) const override {
    device::DeviceView argument = view;
    void* arguments[] = {&argument};
    const hipError_t error =
        hipModuleLaunchKernel(function_, workgroups, 1, 1, device::kGpuLanes, 1, 1, 0, stream, arguments, nullptr);
    return error == hipSuccess ? absl::OkStatus() : GpuError(error, "cannot launch the megakernel");
  }

 private:
  const hipModule_t module_;
  const hipFunction_t function_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeBuiltinKernel(std::string_view architecture) {
  const CodeObject* const object = ChooseCodeObject(CodeObjects(), architecture);
  if (object == nullptr) return NoCodeObjectError(CodeObjects(), architecture);
  hipModule_t module = nullptr;
  hipError_t error = hipModuleLoadData(&module, object->bytes.data());
  if (error != hipSuccess) return GpuError(error, "cannot load the megakernel for " + std::string(object->target));
  hipFunction_t function = nullptr;
  error = hipModuleGetFunction(&function, module, kMegakernelName);
  if (error != hipSuccess) {
    static_cast<void>(hipModuleUnload(module));
    return GpuError(error, "cannot find the megakernel in its code object");
  }
  return std::make_unique<ModuleKernel>(module, function);
}

}  // namespace penstock::hip
