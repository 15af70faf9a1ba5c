// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/device_comparer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "penstock/layout/data_op.h"
#include "penstock/window_check.h"

namespace penstock::cli {
namespace {

constexpr absl::Duration kSlotTimeout = absl::Seconds(10);
constexpr absl::Duration kStopTimeout = absl::Seconds(5);

absl::StatusOr<u32> RegisterWith(Device& device, const DeviceMemory& window) {
  if (!window.device_address.has_value()) return device.RegisterBuffer(window.memory, layout::kBufferRead);
  return device.RegisterDeviceMemory(*window.device_address, window.memory.size(), layout::kBufferRead);
}

absl::StatusOr<u32> IndexOfGpuAt(const std::string& pci_address, const host::FoundGpus& gpus) {
  PENSTOCK_RETURN_IF_ERROR(gpus.status());
  const auto found =
      std::find_if(gpus->begin(), gpus->end(), [&](const GpuFacts& gpu) { return gpu.pci_address == pci_address; });
  if (found != gpus->end()) return static_cast<u32>(found - gpus->begin());
  return MakeError(absl::StatusCode::kNotFound,
                   What(absl::StrCat("the window lies in the memory of ", pci_address, ", where none of the ", gpus->size(),
                                     " GPUs is that can be used")),
                   Fix("look for it with penstock probe (HIP_VISIBLE_DEVICES may hide it), or name another that can reach the "
                       "window (--device=hip:N)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceComparer>> DeviceComparer::Start(std::unique_ptr<Device> device, const WindowMapper& map) {
  std::unique_ptr<DeviceComparer> comparer(new DeviceComparer(std::move(device)));
  Device& started = *comparer->device_;
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool pool, BufferPool::Create({.buffer_bytes = kWindowPlaceBytes, .buffer_count = 1}));
  comparer->expected_ = std::make_shared<BufferPool>(std::move(pool));
  PENSTOCK_ASSIGN_OR_RETURN(const DeviceMemory window, map(started));
  PENSTOCK_ASSIGN_OR_RETURN(comparer->window_handle_, RegisterWith(started, window));
  started.Keep(window.owner);
  PENSTOCK_ASSIGN_OR_RETURN(comparer->expected_handle_,
                            started.RegisterBuffer(comparer->expected_->memory(), layout::kBufferRead));
  started.Keep(comparer->expected_);
  PENSTOCK_RETURN_IF_ERROR(started.Start());
  return comparer;
}

DeviceComparer::~DeviceComparer() { static_cast<void>(device_->Stop(kStopTimeout)); }

absl::StatusOr<bool> DeviceComparer::Compare(uint64_t offset_bytes, absl::Span<const std::byte> expected) {
  PENSTOCK_CHECK(expected.size() <= kWindowPlaceBytes);
  PENSTOCK_RETURN_IF_ERROR(device_->Check());
  std::copy(expected.begin(), expected.end(), expected_->buffer(0).begin());
  const u32 bytes = static_cast<u32>(expected.size());
  Work work = RangeWork(layout::kVerify, {window_handle_, offset_bytes, bytes});
  layout::EncodePattern({expected_handle_, bytes, 0}, work.argument.data());
  device_->FlushPeerWrites();
  PENSTOCK_ASSIGN_OR_RETURN(const Ticket ticket, device_->ring().Publish(work));
  PENSTOCK_ASSIGN_OR_RETURN(const Completion completion, device_->ring().Wait(ticket, kSlotTimeout));
  PENSTOCK_RETURN_IF_ERROR(completion.ToStatus("verify of a window"));
  return completion.result == layout::kNoDifference;
}

absl::StatusOr<ChosenComparer> ChooseComparer(CommandLine line, const std::string& pci_address, const WindowMapper& map,
                                              const GpuSource& gpus) {
  if (line.device == DeviceKind::kAuto) {
    const absl::StatusOr<u32> index = IndexOfGpuAt(pci_address, gpus.list());
    if (!index.ok()) return ChosenComparer{nullptr, DeviceRefusal{"hip", CauseOf(index.status()), RemedyOf(index.status())}};
    line.gpu_index = *index;
  }
  PENSTOCK_ASSIGN_OR_RETURN(ChosenDevice chosen, ChooseDevice(line, gpus.make));
  if (chosen.refusal.has_value()) return ChosenComparer{nullptr, std::move(chosen.refusal)};
  const std::string name = chosen.device->name();
  absl::StatusOr<std::unique_ptr<DeviceComparer>> comparer = DeviceComparer::Start(std::move(chosen.device), map);
  if (comparer.ok()) return ChosenComparer{*std::move(comparer)};
  if (line.device != DeviceKind::kAuto) return comparer.status();
  return ChosenComparer{nullptr, DeviceRefusal{name, CauseOf(comparer.status()), RemedyOf(comparer.status())}};
}

}  // namespace penstock::cli
