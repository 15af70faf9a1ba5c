// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/device_choice.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/layout/io_slot.h"

namespace penstock::cli {
namespace {

/// With the workgroups that were asked for: 0 for as many as the device takes of itself.
DeviceOptions OptionsOf(const CommandLine& line) {
  DeviceOptions options;
  options.workgroups = line.workgroups;
  // Room for every chunk of a controller that can have landed, so that the ring is never what its reading waits for. Several
  // controllers take turns at it: more slots would not make the device any faster.
  options.ring.slot_counts = {1, 1, std::bit_ceil(2 * line.depth), 1, 1};
  options.slot_times = line.slot_times;
  if (line.pull) {
    options.io_queues = (2 * line.depth + layout::kMaxIoSlots - 1) / layout::kMaxIoSlots;
    // Longer than a request may wait for the read before it and for its own: so the kernel hears from the host how each one
    // ended.
    options.slot_limit += 2 * absl::Seconds(line.read_timeout_seconds);
  }
  return options;
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
  PENSTOCK_ASSIGN_OR_RETURN(chosen.device, MakeCpuDevice<>(CpuOptionsOf(options)));
  return chosen;
}

}  // namespace penstock::cli
