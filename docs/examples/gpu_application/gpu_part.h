// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What this application has on the GPU: the device that runs its program, and work of its own beside it. gpu_part.hip holds it,
// the one file for the GPU's compiler; a build without HIP has no_gpu_part.cc instead.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "penstock/device.h"

namespace gpu_application {

/// Work for the GPU that has nothing to do with Penstock. Made, and destroyed, while no megakernel is resident: allocating may
/// wait for it, and freeing does. Threads: one at a time.
class OwnWork {
 public:
  virtual ~OwnWork() = default;
  /// Copies numbers to the GPU, runs a kernel over them, copies them back and checks them. Errors: Unavailable; DataLoss.
  virtual absl::Status Round() = 0;
};

struct GpuPart {
  std::unique_ptr<penstock::Device> device;
  std::unique_ptr<OwnWork> own_work;
};

/// Whether there is a GPU to use. Errors: FailedPrecondition.
absl::Status CheckForGpu();
/// Errors: as penstock::MakeHipDevice; as OwnWork::Round.
absl::StatusOr<GpuPart> MakeGpuPart();

}  // namespace gpu_application
