// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A binary of its own: it counts every allocation of the process.
#include <gtest/gtest.h>

#include "tests/fakes/counting_allocator.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

u64 RunSlots(Device& device, u32 crc_handle, u32 count) {
  LiveRing& ring = device.ring();
  Completion completion;
  u64 sum = 0;
  for (u32 i = 0; i < count; ++i) {
    const Work work = i % 2 == 0 ? RangeWork(layout::kCrc32c, {crc_handle, 0, 64}) : MakeWork(layout::kBatchFence);
    const auto ticket = ring.Publish(work);
    if (!ticket.ok()) return 0;
    while (!ring.TryReap(*ticket, completion)) device::SpinPause();
    sum += completion.result;
  }
  return sum;
}

TEST(Allocation, NoneBetweenPublishAndReap) {
  std::vector<u8> bytes(64);
  CpuDeviceOptions options;
  options.workgroups = 2;
  const auto device = MakeDevice(options);
  const u32 handle = Register(*device, absl::MakeSpan(bytes));
  ASSERT_TRUE(device->Start().ok());
  ASSERT_NE(RunSlots(*device, handle, 100), 0u);  // warm-up
  const uint64_t before = fakes::AllocationCount();
  const u64 sum = RunSlots(*device, handle, 2000);
  EXPECT_EQ(fakes::AllocationCount() - before, 0u);
  EXPECT_NE(sum, 0u);
}

TEST(Allocation, IsCounted) {
  const uint64_t before = fakes::AllocationCount();
  const auto memory = std::make_unique<int>(1);
  EXPECT_EQ(fakes::AllocationCount() - before, 1u);
  EXPECT_EQ(*memory, 1);
}

}  // namespace
}  // namespace penstock
