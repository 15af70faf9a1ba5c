// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device that takes slots, runs none of them, and is lost.
#pragma once

#include <memory>
#include <utility>

#include "penstock/device/program.h"
#include "penstock/error.h"
#include "runtime/cpu_memory.h"
#include "runtime/resident_device.h"

namespace penstock {

class LostDevice final : public ResidentDevice {
 public:
  static constexpr u32 kLooksUntilLost = 4;

  LostDevice(const DeviceOptions& options, const std::shared_ptr<MegakernelMemory>& memory, LiveRing ring)
      : ResidentDevice(options, memory, std::move(ring)) {}

  std::string name() const override { return "lost"; }

 protected:
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory) override { return reinterpret_cast<u64>(memory.data()); }
  absl::StatusOr<u64> CopyTable(absl::Span<const u32> table) override { return reinterpret_cast<u64>(table.data()); }
  absl::Status Upload(const void*, size_t) override { return absl::OkStatus(); }
  absl::Status BeginLaunch() override { return absl::OkStatus(); }
  absl::StatusOr<bool> HasLeft() override {
    if (++looks_ < kLooksUntilLost) return false;
    return MakeError(absl::StatusCode::kUnavailable, What("the device fell off its bus"), Fix("plug it in again"));
  }
  bool SampleWorkgroups() override { return false; }
  absl::Duration AgeOf(u64) const override { return absl::ZeroDuration(); }

 private:
  u32 looks_ = 0;
};

inline std::unique_ptr<Device> MakeLostDevice(const CpuDeviceOptions& options) {
  const auto memory = std::make_shared<CpuMemory>(options, /*workgroup_memory_bytes=*/0);
  absl::StatusOr<LiveRing> ring = MakeRing(*memory, options, &device::Program<>::ArgumentCount);
  if (!ring.ok()) return nullptr;
  return std::make_unique<LostDevice>(options, memory, *std::move(ring));
}

}  // namespace penstock
