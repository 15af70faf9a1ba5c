// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/buffer_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "tests/fakes/fake_window_module.h"
#include "tests/fakes/forwarding_device.h"

namespace penstock::cli {
namespace {

constexpr uint64_t kMiB = 1 << 20;

/// Has imported memory at an address of its own.
class ImportingDevice final : public fakes::ForwardingDevice {
 public:
  ImportingDevice() : ForwardingDevice(*MakeCpuDevice<>({})) {}

  absl::StatusOr<std::optional<u64>> ImportDmaBuf(int dma_buf, u64 bytes) override {
    EXPECT_GE(dma_buf, 0);
    imported_bytes = bytes;
    return 0x7000'0000;
  }

  u64 imported_bytes = 0;
};

TEST(MapWindow, TellsWhereTheDeviceHasIt) {
  fakes::FakeWindowModule module;
  module.Add(3, {.length = 2 * kMiB});
  ImportingDevice importing;
  const absl::StatusOr<DeviceMemory> memory = MapWindow(module.Open(), 3, importing);
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->memory.size(), 2 * kMiB);
  EXPECT_EQ(memory->device_address, 0x7000'0000u);
  EXPECT_EQ(importing.imported_bytes, 2 * kMiB);
}

TEST(MapWindow, IsTheMappingItselfForTheCpu) {
  fakes::FakeWindowModule module;
  module.Add(3, {.length = 2 * kMiB});
  const std::unique_ptr<Device> cpu = *MakeCpuDevice<>({});
  EXPECT_EQ(MapWindow(module.Open(), 3, *cpu)->device_address, std::nullopt);
}

TEST(MapWindow, RefusesAWindowThatIsNotThereOrGone) {
  fakes::FakeWindowModule module;
  module.Add(3, {.length = 2 * kMiB});
  const std::unique_ptr<Device> cpu = *MakeCpuDevice<>({});
  EXPECT_EQ(MapWindow(module.Open(), 4, *cpu).status().code(), absl::StatusCode::kNotFound);
  module.errors[PENSTOCK_P2P_EXPORT] = ESTALE;
  EXPECT_EQ(ErrnoOf(MapWindow(module.Open(), 3, *cpu).status()), ESTALE);
}

}  // namespace
}  // namespace penstock::cli
