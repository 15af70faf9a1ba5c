// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every device does in the same way, with one that is lost.
#include "runtime/resident_device.h"

#include <gtest/gtest.h>

#include "penstock/cpu_device.h"
#include "tests/runtime/lost_device.h"

namespace penstock {
namespace {

constexpr Work kWord = {.opcode = layout::kAtomicAdd, .priority = layout::Priority::kNormal};

TEST(ResidentDevice, EndsWhatIsPublishedAfterTheLossWhenItIsCheckedOrStopped) {
  const std::unique_ptr<Device> device = MakeLostDevice({});
  ASSERT_TRUE(device->Start().ok());
  Completion completion;
  const Ticket in_flight = device->ring().Publish(kWord).value();
  for (u32 look = 1; look < LostDevice::kLooksUntilLost; ++look) EXPECT_TRUE(device->Check().ok());
  EXPECT_EQ(device->Check().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(device->ring().TryReap(in_flight, completion));
  EXPECT_EQ(completion.fault, layout::FaultReason::kDeviceLost);

  const Ticket later = device->ring().Publish(kWord).value();
  EXPECT_EQ(device->Check().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(device->ring().TryReap(later, completion));
  EXPECT_EQ(completion.fault, layout::FaultReason::kDeviceLost);

  const Ticket last = device->ring().Publish(kWord).value();
  EXPECT_EQ(device->Stop(absl::ZeroDuration()).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(device->ring().TryReap(last, completion));
}

}  // namespace
}  // namespace penstock
