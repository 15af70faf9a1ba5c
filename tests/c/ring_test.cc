// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ring's calls on a device that no name of the C interface opens: one that is lost.
#include <gtest/gtest.h>

#include "penstock/cpu_device.h"
#include "penstock/layout/fault.h"
#include "penstock/layout/slot.h"
#include "runtime/c/device.h"
#include "tests/runtime/lost_device.h"

namespace penstock::c {
namespace {

TEST(CRing, ReapEndsTheSlotsOfADeviceThatIsLost) {
  penstock_device lost;
  lost.device = MakeLostDevice({});
  ASSERT_TRUE(lost.device->Start().ok());
  const penstock_slot slot = {{0, layout::kAtomicAdd, 0, static_cast<u32>(layout::Priority::kNormal)}};
  penstock_ticket ticket;
  ASSERT_EQ(penstock_ring_publish(&lost, &slot, &ticket, nullptr), PENSTOCK_OK);
  penstock_slot ended = {};
  int result = PENSTOCK_DEADLINE_EXCEEDED;
  u32 reaps = 0;
  for (; result == PENSTOCK_DEADLINE_EXCEEDED && reaps < 2 * LostDevice::kLooksUntilLost; ++reaps) {
    result = penstock_ring_reap(&lost, &ticket, /*timeout_ms=*/0, &ended, nullptr);
  }
  EXPECT_EQ(result, PENSTOCK_OK);
  EXPECT_EQ(reaps, LostDevice::kLooksUntilLost);
  EXPECT_EQ(ended.word[layout::kStatusWord], layout::kFault);
  EXPECT_EQ(ended.word[layout::kResultHighWord], static_cast<u32>(layout::FaultReason::kDeviceLost));

  // The next one ends at once.
  ASSERT_EQ(penstock_ring_publish(&lost, &slot, &ticket, nullptr), PENSTOCK_OK);
  EXPECT_EQ(penstock_ring_reap(&lost, &ticket, /*timeout_ms=*/0, &ended, nullptr), PENSTOCK_OK);
  EXPECT_EQ(ended.word[layout::kStatusWord], layout::kFault);
}

}  // namespace
}  // namespace penstock::c
