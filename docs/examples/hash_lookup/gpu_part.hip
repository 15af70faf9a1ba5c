// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu_part.h"

#include <string>

#include "../gpu_application/hip_or_cuda.h"
#include "penstock/error.h"
#include "penstock/hip_device.h"

namespace hash_lookup {

absl::Status CheckForGpu() {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<penstock::GpuFacts> gpus, penstock::FindGpus());
  if (!gpus.empty()) return absl::OkStatus();
  return penstock::MakeError(absl::StatusCode::kFailedPrecondition, penstock::What("there is no GPU"),
                             penstock::Fix("use --device=cpu"));
}

absl::StatusOr<std::unique_ptr<penstock::Device>> MakeGpuDevice(u32 workgroups, u32 io_queues) {
  penstock::HipDeviceOptions options;
  options.workgroups = workgroups;
  options.io_queues = io_queues;
  return penstock::MakeHipDevice<Program>(options);
}

// With a megakernel resident, allocating, freeing and a copy that names no stream would wait for it: so it is all done before,
// and undone by the device when the kernel has left.
absl::StatusOr<u32> KeepLinesOnGpu(penstock::Device& device, const std::vector<CacheLine>& lines) {
  const size_t bytes = lines.size() * sizeof(CacheLine);
  void* on_gpu = nullptr;
  hipError_t error = hipMalloc(&on_gpu, bytes);
  if (error == hipSuccess) {
    device.Keep(std::shared_ptr<const void>(on_gpu, [](void* memory) { static_cast<void>(hipFree(memory)); }));
    error = hipMemcpy(on_gpu, lines.data(), bytes, hipMemcpyHostToDevice);
  }
  if (error != hipSuccess) {
    return penstock::MakeError(absl::StatusCode::kResourceExhausted,
                               penstock::What("no GPU memory for the cache's lines: " + std::string(hipGetErrorName(error))),
                               penstock::Fix("use a smaller --cache, or look who else uses the GPU"));
  }
  return device.RegisterDeviceMemory(reinterpret_cast<u64>(on_gpu), bytes, layout::kBufferRead | layout::kBufferWrite);
}

}  // namespace hash_lookup
