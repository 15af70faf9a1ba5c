// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu_part.h"
#include "penstock/error.h"

namespace gpu_application {

absl::Status CheckForGpu() {
  return penstock::MakeError(absl::StatusCode::kFailedPrecondition, penstock::What("this build has no HIP device"),
                             penstock::Fix("use --device=cpu, or configure with -DPENSTOCK_WITH_HIP=ON"));
}

absl::StatusOr<GpuPart> MakeGpuPart() { return CheckForGpu(); }

}  // namespace gpu_application
