// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Looks at a window from the device's side.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmarks/cli/command_line.h"
#include "benchmarks/cli/device_choice.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"
#include "penstock/device_memory.h"

namespace penstock::cli {

/// Maps all of a window, for the device that is to look at it.
using WindowMapper = std::function<absl::StatusOr<DeviceMemory>(Device&)>;

/// A resident kernel that compares parts of a window with bytes of the host's, by its verify opcode. Stops it at the end.
class DeviceComparer {
 public:
  /// Errors: those of mapping the window, of registering memory with the device and of starting it.
  static absl::StatusOr<std::unique_ptr<DeviceComparer>> Start(std::unique_ptr<Device> device, const WindowMapper& map);
  ~DeviceComparer();
  DeviceComparer(const DeviceComparer&) = delete;
  DeviceComparer& operator=(const DeviceComparer&) = delete;

  std::string name() const { return device_->name(); }

  /// As DeviceComparison. Requires: at most kWindowPlaceBytes. Errors: a fault of the slot; DeadlineExceeded; Unavailable: the
  /// device is lost.
  absl::StatusOr<bool> Compare(uint64_t offset_bytes, absl::Span<const std::byte> expected);

 private:
  explicit DeviceComparer(std::unique_ptr<Device> device) : device_(std::move(device)) {}

  std::unique_ptr<Device> device_;
  std::shared_ptr<BufferPool> expected_;
  u32 window_handle_ = 0;
  u32 expected_handle_ = 0;
};

struct ChosenComparer {
  std::unique_ptr<DeviceComparer> comparer;   // null: nobody looks from the device's side, and
  std::optional<DeviceRefusal> refusal = {};  // why
};

/// The GPUs of this machine; a test has others.
struct GpuSource {
  host::FoundGpus (*list)() = host::ListGpus;
  GpuDeviceMaker make = host::MakeGpuDevice;
};

/// On what --device asks for: `auto` takes the GPU at this address, whose memory the window is, or nothing, since the CPU looks
/// anyhow. A demand never steps down. Errors: those of the device that was demanded.
absl::StatusOr<ChosenComparer> ChooseComparer(CommandLine line, const std::string& pci_address, const WindowMapper& map,
                                              const GpuSource& gpus = {});

}  // namespace penstock::cli
