// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/gpu.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hip/gpu_error.h"
#include "penstock/error.h"

namespace penstock {

absl::StatusOr<std::vector<GpuFacts>> FindGpus() {
  int count = 0;
  if (const hipError_t error = hipGetDeviceCount(&count); error != hipSuccess) return hip::GpuError(error, "no GPU can be used");
  std::vector<GpuFacts> gpus;
  for (int index = 0; index < count; ++index) {
    hipDeviceProp_t properties = {};
    const hipError_t error = hipGetDeviceProperties(&properties, index);
    if (error != hipSuccess) return hip::GpuError(error, absl::StrCat("GPU ", index, " does not say what it is"));
    gpus.push_back({properties.name, hip::ArchitectureOf(properties), static_cast<u32>(properties.multiProcessorCount),
                    absl::StrFormat("%04x:%02x:%02x.0", properties.pciDomainID, properties.pciBusID, properties.pciDeviceID)});
  }
  return gpus;
}

}  // namespace penstock

namespace penstock::hip {

namespace {

/// Of each GPU.
struct ResetCounts {
  std::mutex mutex;
  std::map<int, u64> of_gpu;
};

ResetCounts& OfTheProcess() {
  static auto* const counts = new ResetCounts;  // outlives every static device
  return *counts;
}

}  // namespace

void Reset(int gpu) {
  {
    const std::lock_guard lock(OfTheProcess().mutex);
    ++OfTheProcess().of_gpu[gpu];  // before others can get the memory
  }
  static_cast<void>(hipDeviceReset());
}

u64 ResetCount(int gpu) {
  const std::lock_guard lock(OfTheProcess().mutex);
  return OfTheProcess().of_gpu[gpu];
}

absl::Status CurrentGpu::status() const {
  return error_ == hipSuccess ? absl::OkStatus() : GpuError(error_, absl::StrCat("GPU ", index_, " cannot be used"));
}

absl::StatusOr<GpuFacts> FindGpu(u32 index) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<GpuFacts> gpus, FindGpus());
  if (index < gpus.size()) return gpus[index];
  return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat("there is no GPU ", index, " among ", gpus.size())),
                   Fix(gpus.empty() ? "use the CPU device" : absl::StrCat("use 0 to ", gpus.size() - 1)));
}

absl::Status CheckThatLaunchesReturn() {
  for (const char* const name : {"HIP_LAUNCH_BLOCKING", "AMD_SERIALIZE_KERNEL", "CUDA_LAUNCH_BLOCKING"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0' || std::string(value) == "0") continue;
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat(name, "=", value, " makes the launch of an endless kernel wait for ever")),
                     Fix(absl::StrCat("unset ", name)));
  }
  return absl::OkStatus();
}

}  // namespace penstock::hip
