// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/emu/emulated_device.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/device/program.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr u64 kTicksPerSecond = 100'000'000;  // gpu::kTicksPerSecond on AMD's GPUs

class EmulatedDevice final : public ResidentDevice {
 public:
  EmulatedDevice(const DeviceOptions& options, const std::shared_ptr<MegakernelMemory>& memory, LiveRing ring, SharedArena& arena,
                 EmulatorProcess& emulator)
      : ResidentDevice(options, memory, std::move(ring)),
        arena_(arena),
        emulator_(emulator),
        argument_(arena.Allocate(kArgumentBytes)) {}

  ~EmulatedDevice() override {
    if (Check().ok()) PENSTOCK_CHECK(Stop(absl::Seconds(60)).ok());
  }

  std::string name() const override { return "emulated gfx1100"; }

 protected:
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory) override {
    if (arena_.Contains(memory)) return reinterpret_cast<u64>(memory.data());
    return MakeError(absl::StatusCode::kInvalidArgument, What("the buffer does not lie in the memory shared with the emulator"),
                     Fix("allocate it from the arena"));
  }
  absl::StatusOr<u64> CopyTable(absl::Span<const u32> table) override {
    const absl::Span<std::byte> copy = arena_.Allocate(table.size() * sizeof(u32));
    std::memcpy(copy.data(), table.data(), copy.size());
    return reinterpret_cast<u64>(copy.data());
  }
  absl::Status Upload(const void*, size_t) override { return absl::OkStatus(); }  // the image is the memory
  absl::Status BeginLaunch() override {
    std::memcpy(argument_.data(), &memory().view(), sizeof(device::DeviceView));
    has_left_ = false;
    return emulator_.Run(reinterpret_cast<u64>(argument_.data()));
  }
  absl::StatusOr<bool> HasLeft() override {
    if (!has_left_) {
      PENSTOCK_ASSIGN_OR_RETURN(has_left_, emulator_.HasLeft());
    }
    return has_left_;
  }
  bool SampleWorkgroups() override { return true; }
  absl::Duration AgeOf(u64 busy_since_ticks) const override {
    const u64 now = MonotonicNs() / (1'000'000'000 / kTicksPerSecond);
    return absl::Seconds(static_cast<double>(now - busy_since_ticks) / kTicksPerSecond);
  }

 private:
  static constexpr size_t kArgumentBytes = 4096;  // the hidden arguments that follow the view are 0

  SharedArena& arena_;
  EmulatorProcess& emulator_;
  const absl::Span<std::byte> argument_;
  bool has_left_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Device>> MakeEmulatedDevice(const DeviceOptions& options, SharedArena& arena,
                                                           EmulatorProcess& emulator) {
  PENSTOCK_RETURN_IF_ERROR(CheckDeviceOptions(options, /*most_workgroups=*/1));
  const auto memory = std::make_shared<MegakernelMemory>(options, kTicksPerSecond);
  const auto piece = [&](u64 bytes) {
    std::byte* const place = arena.Allocate(bytes).data();
    return MegakernelMemory::Piece{place, reinterpret_cast<u64>(place)};
  };
  memory->Place(piece(memory->host_bytes()), piece(memory->device_bytes()));
  PENSTOCK_ASSIGN_OR_RETURN(LiveRing ring, MakeRing(*memory, options, &device::Program<>::ArgumentCount));
  return std::make_unique<EmulatedDevice>(options, memory, std::move(ring), arena, emulator);
}

}  // namespace penstock
