// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device/tenant.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using layout::FaultReason;

Work WorkOf(u32 tenant, u32 opcode = layout::kNop) {
  Work work = MakeWork(opcode);
  work.tenant = tenant;
  return work;
}

class Tenant : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { ASSERT_TRUE(device_->Start().ok()); }
  Completion Run(const Work& work) { return RunWork(*device_, work); }
  u32 CountDone(u32 tenant, u32 slots) {
    u32 done = 0;
    for (const Completion& completion : RunAll(*device_, std::vector<Work>(slots, WorkOf(tenant)))) {
      if (completion.ok()) {
        ++done;
      } else {
        EXPECT_EQ(completion.fault, FaultReason::kTenantOverQuota);
      }
    }
    return done;
  }

  std::unique_ptr<Device> device_ = MakeDevice(OptionsFor(GetParam()));
};
INSTANTIATE_TEST_SUITE_P(Shapes, Tenant, AllShapes(), ShapeName);

TEST_P(Tenant, IsUnknownPastTheTable) {
  for (u32 tenant : {layout::kTenantCount, layout::kTenantCount + 3, ~0u}) {
    ExpectFault(Run(WorkOf(tenant)), FaultReason::kTenantUnknown, tenant);
  }
}

TEST_P(Tenant, HasNoRightsUntilItIsGivenSome) {
  ExpectFault(Run(WorkOf(28)), FaultReason::kTenantDenied, layout::kNop);
  ASSERT_TRUE(device_->SetTenant({28, layout::PermissionBit(layout::kNop), 0}).ok());
  EXPECT_TRUE(Run(WorkOf(28)).ok());
  ExpectFault(Run(WorkOf(28, layout::kPrintf)), FaultReason::kTenantDenied, layout::kPrintf);
  ExpectFault(Run(WorkOf(28, layout::kCrc32c)), FaultReason::kTenantDenied, layout::kCrc32c);
}

TEST_P(Tenant, RunsUnderTheRightsThatWereSetBeforeItsSlotWasPublished) {
  for (u32 round = 0; round < 100; ++round) {
    const bool permitted = round % 2 == 0;
    ASSERT_TRUE(device_->SetTenant({5, permitted ? layout::kPermitAllButShutdown : 0, 0}).ok());
    ASSERT_EQ(Run(WorkOf(5)).fault, permitted ? FaultReason::kNone : FaultReason::kTenantDenied) << "round " << round;
  }
}

TEST_P(Tenant, OtherThanThoseOfTheTableCannotBeSet) {
  EXPECT_EQ(device_->SetTenant({layout::kTenantCount, 1, 0}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_P(Tenant, MayNotShutTheDeviceDownByDefault) {
  ExpectFault(Run(WorkOf(0, layout::kShutdown)), FaultReason::kTenantDenied, layout::kShutdown);
  EXPECT_TRUE(Run(WorkOf(0)).ok());
}

TEST_P(Tenant, GetsItsQuotaInEachEpoch) {
  ASSERT_TRUE(device_->SetTenant({2, layout::kPermitAllButShutdown, 3}).ok());
  EXPECT_EQ(CountDone(2, 10), 3u);
  EXPECT_EQ(CountDone(2, 1), 0u);
  for (u32 epoch = 0; epoch < 5; ++epoch) {
    device_->BeginEpoch();
    EXPECT_EQ(CountDone(2, 10), 3u);
  }
  EXPECT_EQ(CountDone(0, 10), 10u);
}

TEST_P(Tenant, LearnsItsQuotaFromTheFault) {
  ASSERT_TRUE(device_->SetTenant({2, layout::kPermitAllButShutdown, 1}).ok());
  EXPECT_TRUE(Run(WorkOf(2)).ok());
  ExpectFault(Run(WorkOf(2)), FaultReason::kTenantOverQuota, 1);
}

TEST_P(Tenant, IsCountedSlotBySlot) {
  ASSERT_TRUE(device_->SetTenant({7, layout::kPermitAllButShutdown, 0}).ok());
  EXPECT_EQ(CountDone(7, 25), 25u);
  EXPECT_EQ(CountDone(0, 5), 5u);
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().tenant[7], 25u);
  EXPECT_EQ(device_->control_word(layout::kControlTenantFairness + 7), 25u);
  EXPECT_EQ(device_->counters().tenant[0], 5u);
}

}  // namespace
}  // namespace penstock
