// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which slot a CPU device runs next: priorities, ageing, deferral and batch fences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "penstock/cpu_device.h"
#include "penstock/device/claim.h"
#include "tests/hip/device_session.h"
#include "tests/runtime/test_handlers.h"

namespace penstock {
namespace {

using layout::FaultReason;
using layout::Priority;

// A turn at each of the five places where an ageing round may begin.
constexpr u32 kAgeingBound = device::Claimant::kAgeingInterval * layout::kPriorityCount;

Work At(Priority priority, Work work) {
  work.priority = priority;
  return work;
}
Work TurnAt(Priority priority) { return At(priority, MakeWork(TakeTurn::kOpcode)); }
Work Fence(u32 count = 0) { return MakeWork(layout::kBatchFence, {count}); }
Work Hold() { return MakeWork(HoldUntilOpen::kOpcode); }
Work Nop() { return MakeWork(layout::kNop); }

class CpuDeviceScheduling : public testing::Test {
 protected:
  void SetUp() override { HoldUntilOpen::open = false; }
  void TearDown() override { HoldUntilOpen::open = true; }

  void Open(CpuDeviceOptions options) { device_ = MakeDevice<TestProgram>(options); }
  void OpenAndStart(u32 workgroups, absl::Duration slot_limit = kPatience) {
    CpuDeviceOptions options;
    options.workgroups = workgroups;
    options.slot_limit = slot_limit;
    Open(options);
    ASSERT_TRUE(device_->Start().ok());
  }
  Ticket PublishOne(const Work& work) { return Publish(*device_, work); }
  u64 ResultAt(const Ticket& ticket) { return ResultOf(WaitFor(*device_, ticket)); }
  bool HasEnded(const Ticket& ticket) {
    Completion completion;
    return device_->ring().TryReap(ticket, completion);
  }
  // Time in which a fence that does not fence would have ended.
  void GiveItTime() { std::this_thread::sleep_for(std::chrono::milliseconds(15)); }

  std::unique_ptr<Device> device_;
};

TEST_F(CpuDeviceScheduling, HigherPrioritiesRunFirst) {
  Open({});
  std::vector<Ticket> tickets;
  for (u32 p = layout::kPriorityCount; p-- > 0;) {
    for (u32 i = 0; i < 3; ++i) tickets.push_back(PublishOne(TurnAt(static_cast<Priority>(p))));
  }
  ASSERT_TRUE(device_->RunOnce(kPatience).ok());
  for (const Ticket& ticket : tickets) {
    EXPECT_EQ(ResultAt(ticket), 3 * static_cast<u32>(ticket.priority) + ticket.sequence);
  }
}

TEST_F(CpuDeviceScheduling, EveryPrioritysTurnComesUnderAFloodOfCriticalSlots) {
  Open({});
  for (u32 i = 0; i < 256; ++i) PublishOne(TurnAt(Priority::kCritical));
  std::vector<Ticket> starved;
  for (Priority p : {Priority::kHigh, Priority::kNormal, Priority::kLow, Priority::kIdle})
    starved.push_back(PublishOne(TurnAt(p)));
  ASSERT_TRUE(device_->RunOnce(kPatience).ok());
  for (const Ticket& ticket : starved) EXPECT_LE(ResultAt(ticket), kAgeingBound);
  EXPECT_EQ(device_->counters().starvation, 4u);
  EXPECT_EQ(device_->control_word(layout::kControlStarvation), 4u);
}

TEST_F(CpuDeviceScheduling, ADeferredSlotDoesNotTakeTheTurnOfLowerPriorities) {
  Open({});
  for (u32 i = 0; i < 256; ++i) PublishOne(TurnAt(Priority::kCritical));
  const Ticket deferred = PublishOne(At(Priority::kHigh, MakeWork(YieldUntilSet::kOpcode, {3})));
  const Ticket low = PublishOne(TurnAt(Priority::kLow));
  const Ticket sets = PublishOne(At(Priority::kIdle, MakeWork(layout::kStoreU32, {3, 1})));
  ASSERT_TRUE(device_->RunOnce(kPatience).ok());
  EXPECT_LE(ResultAt(low), kAgeingBound);
  EXPECT_TRUE(HasEnded(sets));
  EXPECT_EQ(ResultAt(deferred), 1u);
}

TEST_F(CpuDeviceScheduling, ADeferredSlotHasItsTurnUnderAFloodOfCriticalSlots) {
  Open({});
  const Ticket deferred = PublishOne(At(Priority::kCritical, MakeWork(RunAgain::kOpcode, {1, 0, 5})));
  const Ticket after = PublishOne(At(Priority::kCritical, MakeWork(YieldUntilSet::kOpcode, {0})));  // done once a turn was taken
  std::vector<Ticket> flood;
  for (u32 i = 0; i < 254; ++i) flood.push_back(PublishOne(TurnAt(Priority::kCritical)));
  ASSERT_TRUE(device_->Start().ok());
  ResultAt(deferred);
  ResultAt(after);
  EXPECT_EQ(ResultAt(flood[200]), 200u);
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().yields, 2u);  // the first turn of each found it not ready, the second came before long
}

TEST_F(CpuDeviceScheduling, ALowSlotEndsWhileCriticalOnesKeepComing) {
  OpenAndStart(1);
  LiveRing& ring = device_->ring();
  for (u32 i = 0; i < 200; ++i) PublishOne(TurnAt(Priority::kCritical));
  const Ticket low = PublishOne(TurnAt(Priority::kLow));
  Completion completion;
  u32 flood = 200;
  while (!ring.TryReap(low, completion)) {
    ASSERT_LT(++flood, 10'000'000u);
    if (ring.TryReapNext(Priority::kCritical, completion)) PublishOne(TurnAt(Priority::kCritical));
  }
  EXPECT_LE(completion.result, 200 + kAgeingBound);  // turns taken before it
}

TEST_F(CpuDeviceScheduling, YieldAndRequeueRunASlotUntilItIsDone) {
  OpenAndStart(2);
  for (u32 requeue : {0u, 1u}) {
    const Ticket ticket = PublishOne(MakeWork(RunAgain::kOpcode, {20, requeue, 4 + requeue}));
    EXPECT_EQ(ResultAt(ticket), 20u);
  }
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().yields, 40u);
  EXPECT_EQ(device_->counters().done, 2u);
}

TEST_F(CpuDeviceScheduling, ASlotThatYieldsForEverEndsAtItsLimit) {
  OpenAndStart(1, absl::Milliseconds(10));
  const Ticket ticket = PublishOne(MakeWork(YieldUntilSet::kOpcode, {3}));
  ExpectFault(WaitFor(*device_, ticket), FaultReason::kDeadline, 0);
  EXPECT_TRUE(RunWork(*device_, Nop()).ok());
}

TEST_F(CpuDeviceScheduling, AFenceWaitsForASlowSlotInAnotherWorkgroup) {
  OpenAndStart(2);
  const Ticket held = PublishOne(Hold());
  PublishOne(Nop());
  const Ticket fence = PublishOne(Fence());
  HoldUntilOpen::WaitUntilInside(1);
  GiveItTime();
  EXPECT_FALSE(HasEnded(fence));
  HoldUntilOpen::open = true;
  WaitFor(*device_, fence);
  EXPECT_TRUE(HasEnded(held));  // who sees the fence sees its batch
}

TEST_F(CpuDeviceScheduling, AFenceInOneWorkgroupWaitsForSlotsThatWereDeferred) {
  OpenAndStart(1);
  const Ticket deferred = PublishOne(MakeWork(YieldUntilSet::kOpcode, {3}));
  const Ticket fence = PublishOne(Fence());
  GiveItTime();
  EXPECT_FALSE(HasEnded(fence));
  PublishOne(MakeWork(layout::kStoreU32, {3, 1}));
  WaitFor(*device_, fence);
  EXPECT_TRUE(HasEnded(deferred));
}

TEST_F(CpuDeviceScheduling, AFenceWaitsForNoMoreSlotsThanItCounts) {
  OpenAndStart(2);
  PublishOne(Hold());
  for (u32 i = 0; i < 3; ++i) PublishOne(Nop());
  EXPECT_EQ(ResultAt(PublishOne(Fence(3))), 3u);
  const Ticket all = PublishOne(Fence(5));  // three NOPs, the fence before, and the held one
  GiveItTime();
  EXPECT_FALSE(HasEnded(all));
  HoldUntilOpen::open = true;
  EXPECT_EQ(ResultAt(all), 5u);
}

TEST_F(CpuDeviceScheduling, AFenceIsOfItsOwnSubRing) {
  OpenAndStart(2);
  PublishOne(Hold());
  HoldUntilOpen::WaitUntilInside(1);
  WaitFor(*device_, PublishOne(At(Priority::kHigh, Fence())));
}

TEST_F(CpuDeviceScheduling, AFenceWithNothingBeforeItIsDone) {
  OpenAndStart(1);
  for (u32 count : {0u, 1u, 1000u, ~0u}) WaitFor(*device_, PublishOne(Fence(count)));
}

TEST_F(CpuDeviceScheduling, AFenceEndsAtItsLimitIfASlotOfItsBatchDoesNot) {
  OpenAndStart(2, absl::Milliseconds(10));
  PublishOne(Hold());
  const Ticket fence = PublishOne(Fence());
  ExpectFault(WaitFor(*device_, fence), FaultReason::kDeadline, 0);
}

TEST_F(CpuDeviceScheduling, AFenceInASubRingOfOneSlotHasNobodyToWaitFor) {
  CpuDeviceOptions options;
  options.ring.slot_counts = {1, 1, 1, 1, 1};
  Open(options);
  ASSERT_TRUE(device_->Start().ok());
  for (u32 i = 0; i < 3; ++i) EXPECT_EQ(ResultAt(PublishOne(Fence())), 0u);
}

}  // namespace
}  // namespace penstock
