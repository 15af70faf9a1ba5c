// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/device_choice.h"

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

/// With the workgroups that were asked for: 0 for as many as the device takes of itself.
DeviceOptions OptionsOf(const CommandLine& line) {
  DeviceOptions options;
  options.workgroups = line.workgroups;
  // Room for every chunk of a controller that can have landed, so that the ring is never what its reading waits for. Several
  // controllers take turns at it: more slots would not make the device any faster.
  options.ring.slot_counts = {1, 1, std::bit_ceil(2 * line.depth), 1, 1};
  return options;
}

/// Leaves one processor to the thread that reads.
absl::StatusOr<std::unique_ptr<Device>> MakeCpu(const DeviceOptions& options) {
  CpuDeviceOptions cpu_options;
  static_cast<DeviceOptions&>(cpu_options) = options;
  if (options.workgroups == 0) cpu_options.workgroups = std::max(2u, std::thread::hardware_concurrency()) - 1;
  return MakeCpuDevice<>(cpu_options);
}

}  // namespace

absl::StatusOr<ChosenDevice> ChooseDevice(const CommandLine& line, GpuDeviceMaker make_gpu_device) {
  const DeviceOptions options = OptionsOf(line);
  ChosenDevice chosen;
  if (line.device != DeviceKind::kCpu) {
    absl::StatusOr<std::unique_ptr<Device>> device = make_gpu_device(line.gpu_index, options);
    if (device.ok()) {
      chosen.device = *std::move(device);
      return chosen;
    }
    if (line.device == DeviceKind::kHip) return device.status();
    chosen.refusal = {absl::StrCat("hip:", line.gpu_index), CauseOf(device.status()), RemedyOf(device.status())};
  }
  PENSTOCK_ASSIGN_OR_RETURN(chosen.device, MakeCpu(options));
  return chosen;
}

}  // namespace penstock::cli
