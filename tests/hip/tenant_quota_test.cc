// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The quota's word between two epochs, without a device.
#include <gtest/gtest.h>

#include "penstock/device/tenant.h"

namespace penstock {
namespace {

using device::SharedState;
using device::TryTakeQuota;

TEST(TryTakeQuota, DoesNotGoBackToAnEpochThatAnotherWorkgroupHasLeft) {
  SharedState shared = {};
  shared.seen_epoch = 5;  // what this workgroup still sees
  shared.tenant_used[0] = layout::JoinWords(2, 6);
  EXPECT_TRUE(TryTakeQuota(shared, 0, 3));
  EXPECT_EQ(shared.tenant_used[0], layout::JoinWords(3, 6));
  EXPECT_FALSE(TryTakeQuota(shared, 0, 3));
}

TEST(TryTakeQuota, BeginsAnewWhenTheEpochNumberWraps) {
  SharedState shared = {};
  shared.seen_epoch = 0;
  shared.tenant_used[0] = layout::JoinWords(9, ~0u);
  EXPECT_TRUE(TryTakeQuota(shared, 0, 1));
  EXPECT_FALSE(TryTakeQuota(shared, 0, 1));
}

}  // namespace
}  // namespace penstock
