// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What runs the kernel of `penstock ingest`.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/cli/command_line.h"
#include "penstock/device.h"
#include "runtime/host/gpus.h"

namespace penstock::cli {

/// Why a device was not taken.
struct DeviceRefusal {
  std::string device;  // as --device names it
  std::string cause;
  std::string remedy;
};

struct ChosenDevice {
  std::unique_ptr<Device> device;
  std::optional<DeviceRefusal> refusal;  // of the one that --device=auto would rather have taken
};

using GpuDeviceMaker = absl::StatusOr<std::unique_ptr<Device>> (*)(u32 index, const DeviceOptions& options);

/// Makes what --device asks for. `auto` takes the first GPU, and the CPU if it cannot be used; a demand never steps down.
/// Errors: those of the device.
absl::StatusOr<ChosenDevice> ChooseDevice(const CommandLine& line, GpuDeviceMaker make_gpu_device = host::MakeGpuDevice);

}  // namespace penstock::cli
