// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Errors of the GPU's runtime library as statuses.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "hip/gpu_api.h"

namespace penstock::hip {

/// "name (number)".
std::string ErrorText(hipError_t error);

/// What a failed call tells the caller to do: ResourceExhausted when memory is short, FailedPrecondition when there is no GPU
/// that can be used, Unavailable otherwise. `what`: "cannot ...". Clears the library's last error.
absl::Status GpuError(hipError_t error, const std::string& what);

/// Why a megakernel is gone, from what the library says of its stream. Unavailable.
absl::Status LossError(hipError_t error, const std::string& gpu);

}  // namespace penstock::hip
