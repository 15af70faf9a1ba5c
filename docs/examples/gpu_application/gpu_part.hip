// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu_part.h"

#include <string>
#include <vector>

#include "count_lines.h"
#include "hip_or_cuda.h"
#include "penstock/error.h"
#include "penstock/hip_device.h"

namespace gpu_application {
namespace {

constexpr u32 kNumbers = 1u << 18;
constexpr size_t kBytes = kNumbers * sizeof(u32);

__global__ void Multiply(u32 factor, u32* numbers) {
  const u32 i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < kNumbers) numbers[i] *= factor;
}

absl::Status ToStatus(hipError_t error, const char* what) {
  if (error == hipSuccess) return absl::OkStatus();
  return penstock::MakeError(absl::StatusCode::kUnavailable, penstock::What(std::string(what) + ": " + hipGetErrorName(error)),
                             penstock::Fix("look into the kernel log for what the GPU's driver says"));
}

class Multiplication final : public OwnWork {
 public:
  /// Everything is allocated here, and the first round loads the kernel: with a megakernel resident either could wait for it.
  static absl::StatusOr<std::unique_ptr<OwnWork>> Create() {
    auto work = std::make_unique<Multiplication>();
    PENSTOCK_RETURN_IF_ERROR(ToStatus(hipStreamCreateWithFlags(&work->stream_, hipStreamNonBlocking), "no stream"));
    PENSTOCK_RETURN_IF_ERROR(ToStatus(hipMalloc(&work->on_gpu_, kBytes), "no GPU memory"));
    PENSTOCK_RETURN_IF_ERROR(ToStatus(hipHostMalloc(&work->pinned_, kBytes, hipHostMallocDefault), "no pinned memory"));
    PENSTOCK_RETURN_IF_ERROR(work->Round());
    return work;
  }

  ~Multiplication() override {
    if (stream_ != nullptr) static_cast<void>(hipStreamDestroy(stream_));
    static_cast<void>(hipFree(on_gpu_));
    static_cast<void>(hipHostFree(pinned_));
  }

  // Nothing here names the null stream, and it waits for its own stream only.
  absl::Status Round() override {
    ++round_;
    u32* const numbers = static_cast<u32*>(pinned_);
    for (u32 i = 0; i < kNumbers; ++i) numbers[i] = i;
    hipError_t error = hipMemcpyAsync(on_gpu_, pinned_, kBytes, hipMemcpyHostToDevice, stream_);
    Multiply<<<kNumbers / 256, 256, 0, stream_>>>(round_, static_cast<u32*>(on_gpu_));
    if (error == hipSuccess) error = hipGetLastError();
    if (error == hipSuccess) error = hipMemcpyAsync(pinned_, on_gpu_, kBytes, hipMemcpyDeviceToHost, stream_);
    if (error == hipSuccess) error = hipStreamSynchronize(stream_);
    PENSTOCK_RETURN_IF_ERROR(ToStatus(error, "a round of the application's own work"));
    for (u32 i = 0; i < kNumbers; ++i) {
      if (numbers[i] != i * round_) return WrongNumber(i, numbers[i]);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status WrongNumber(u32 at, u32 number) const {
    return penstock::MakeError(
        absl::StatusCode::kDataLoss,
        penstock::What("number " + std::to_string(at) + " is " + std::to_string(number) + " in round " + std::to_string(round_)),
        penstock::Fix("look into the kernel log for errors of the GPU's memory"));
  }

  hipStream_t stream_ = nullptr;
  void* on_gpu_ = nullptr;
  void* pinned_ = nullptr;
  u32 round_ = 0;
};

}  // namespace

absl::Status CheckForGpu() {
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<penstock::GpuFacts> gpus, penstock::FindGpus());
  if (!gpus.empty()) return absl::OkStatus();
  return penstock::MakeError(absl::StatusCode::kFailedPrecondition, penstock::What("there is no GPU"),
                             penstock::Fix("use --device=cpu"));
}

absl::StatusOr<GpuPart> MakeGpuPart() {
  penstock::HipDeviceOptions options;
  options.spare_compute_units = 1;  // for the kernel above, whatever else the GPU is doing
  GpuPart part;
  PENSTOCK_ASSIGN_OR_RETURN(part.device, penstock::MakeHipDevice<Program>(options));
  PENSTOCK_ASSIGN_OR_RETURN(part.own_work, Multiplication::Create());
  return part;
}

}  // namespace gpu_application
