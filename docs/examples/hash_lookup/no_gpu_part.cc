// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu_part.h"
#include "penstock/error.h"

namespace hash_lookup {

absl::Status CheckForGpu() {
  return penstock::MakeError(absl::StatusCode::kFailedPrecondition, penstock::What("this build has no HIP device"),
                             penstock::Fix("use --device=cpu, or configure with -DPENSTOCK_WITH_HIP=ON"));
}

absl::StatusOr<std::unique_ptr<penstock::Device>> MakeGpuDevice(u32, u32) { return CheckForGpu(); }

absl::StatusOr<u32> KeepLinesOnGpu(penstock::Device&, const std::vector<CacheLine>&) { return CheckForGpu(); }

}  // namespace hash_lookup
