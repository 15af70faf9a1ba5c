// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GPUs, for programs that may be built without the device for them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "penstock/hip_device.h"
#include "penstock/peer_window.h"

namespace penstock::host {

using FoundGpus = absl::StatusOr<std::vector<GpuFacts>>;

bool IsBuiltWithHip();

/// As FindGpus. Errors: its own; Unimplemented if this is built without HIP.
FoundGpus ListGpus();

/// Allocates memory of the GPU of this index and makes a window of it, which stays when this process ends; its number. Errors:
/// those of the GPU and of the module; Unimplemented if this is built without HIP.
absl::StatusOr<uint32_t> ReserveGpuWindow(u32 index, uint64_t bytes, const PeerWindows& module);

/// As MakeHipDevice, for the GPU of this index; no workgroups are one for each compute unit. Errors: as ListGpus.
absl::StatusOr<std::unique_ptr<Device>> MakeGpuDevice(u32 index, const DeviceOptions& options);

}  // namespace penstock::host
