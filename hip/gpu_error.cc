// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/gpu_error.h"

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

struct Loss {
  const char* cause;
  const char* fix;
};

Loss LossOf(hipError_t error) {
  switch (error) {
    case hipErrorIllegalAddress:
      return {"a handler touched memory that it may not touch", "check the handler's bounds, and open a new device"};
    case hipErrorLaunchTimeOut:
      return {"the driver took it for hung and ended it",
              "let the driver run endless kernels (docs/gpu.md), and open a new device"};
    case hipErrorLaunchFailure: return {"the kernel ended in a fault", "look into the kernel log, and open a new device"};
    case hipErrorECCNotCorrectable: return {"the GPU's memory failed", "reset or replace the GPU"};
    default: return {"the GPU no longer answers", "look into the kernel log, and open a new device"};
  }
}

}  // namespace

std::string ErrorText(hipError_t error) { return absl::StrCat(hipGetErrorName(error), " (", static_cast<int>(error), ")"); }

absl::Status GpuError(hipError_t error, const std::string& what) {
  static_cast<void>(hipGetLastError());
  const std::string text = absl::StrCat(what, ": ", ErrorText(error));
  switch (error) {
    case hipErrorOutOfMemory:
      return MakeError(absl::StatusCode::kResourceExhausted, What(text), Fix("use smaller sizes, or free memory"));
    case hipErrorNoDevice:
    case hipErrorInsufficientDriver:
      return MakeError(absl::StatusCode::kFailedPrecondition, What(text),
                       Fix("install the GPU's kernel driver and give yourself access to it, or use the CPU device"));
    default:
      return MakeError(absl::StatusCode::kUnavailable, What(text),
                       Fix("look into the kernel log; if a GPU was lost before, start the process again"));
  }
}

absl::Status LossError(hipError_t error, const std::string& gpu) {
  static_cast<void>(hipGetLastError());
  const Loss loss = LossOf(error);
  return MakeError(absl::StatusCode::kUnavailable, What(absl::StrCat(gpu, ": ", loss.cause, ": ", ErrorText(error))),
                   Fix(loss.fix));
}

}  // namespace penstock::hip
