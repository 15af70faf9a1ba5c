// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is different on a GPU: the device that runs the program, and the memory of the cache's lines. gpu_part.hip holds it, the
// one file for the GPU's compiler; a build without HIP has no_gpu_part.cc instead.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lookup.h"
#include "penstock/device.h"

namespace hash_lookup {

/// Whether there is a GPU to use. Errors: FailedPrecondition.
absl::Status CheckForGpu();

/// A device that runs hash_lookup::Program on the first GPU. `workgroups`: 0 for one for each compute unit. Errors: as
/// penstock::MakeHipDevice.
absl::StatusOr<std::unique_ptr<penstock::Device>> MakeGpuDevice(u32 workgroups, u32 io_queues);

/// Copies the lines into the GPU's own memory, where their words are changed by compare-and-swap, and makes them known to the
/// device, which keeps them. Requires: the device is not running. Errors: ResourceExhausted; as Device::RegisterDeviceMemory.
absl::StatusOr<u32> KeepLinesOnGpu(penstock::Device& device, const std::vector<CacheLine>& lines);

}  // namespace hash_lookup
