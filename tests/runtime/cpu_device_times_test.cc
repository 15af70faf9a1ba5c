// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When slots were claimed and ended, as the CPU device notes it.
#include <gtest/gtest.h>

#include <thread>

#include "penstock/clock.h"
#include "penstock/cpu_device.h"
#include "penstock/device_clock.h"
#include "tests/hip/device_session.h"
#include "tests/runtime/test_handlers.h"

namespace penstock {
namespace {

class SlotTimes : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    TestOptions options = OptionsFor(GetParam());
    options.slot_times = true;
    device_ = MakeDevice<TestProgram>(options);
    ASSERT_TRUE(device_->Start().ok());
  }

  std::unique_ptr<Device> device_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, SlotTimes, testing::Values(Shape{1, 1}, Shape{3, 1}, Shape{2, 3}), ShapeName);

TEST_P(SlotTimes, LieBetweenPublishingAndReapingByTheHostsClock) {
  const DeviceClock clock(device_->slot_clock());
  ASSERT_FALSE(clock.must_learn());
  for (u32 i = 0; i < 1000; ++i) {
    const uint64_t published_ns = MonotonicNs();
    const Completion completion = RunWork(*device_, MakeWork(layout::kNop));
    const uint64_t reaped_ns = MonotonicNs();
    ASSERT_LE(published_ns, clock.HostNs(completion.times.claimed_ticks));
    ASSERT_LE(completion.times.claimed_ticks, completion.times.ended_ticks);
    ASSERT_LE(clock.HostNs(completion.times.ended_ticks), reaped_ns);
  }
}

TEST_P(SlotTimes, AreOfTheFirstClaimAndOfTheLastRun) {
  const Ticket ticket = Publish(*device_, MakeWork(YieldUntilSet::kOpcode, {3}));
  while (device_->counters().yields == 0) std::this_thread::yield();
  const uint64_t set_ns = MonotonicNs();
  EXPECT_TRUE(RunWork(*device_, MakeWork(layout::kStoreU32, {3, 1})).ok());
  const Completion completion = WaitFor(*device_, ticket);
  EXPECT_LT(completion.times.claimed_ticks, set_ns);
  EXPECT_GT(completion.times.ended_ticks, set_ns);
}

TEST_P(SlotTimes, AreNotedOfAFaultToo) {
  const Completion completion = RunWork(*device_, {.opcode = 0x7fffffff});
  EXPECT_FALSE(completion.ok());
  EXPECT_GT(completion.times.claimed_ticks, 0u);
  EXPECT_GE(completion.times.ended_ticks, completion.times.claimed_ticks);
}

TEST(SlotTimesOff, AreZero) {
  const std::unique_ptr<Device> device = MakeDevice<TestProgram>(OptionsFor({1, 1}));
  ASSERT_TRUE(device->Start().ok());
  const Completion completion = RunWork(*device, MakeWork(layout::kNop));
  EXPECT_EQ(completion.times.claimed_ticks, 0u);
  EXPECT_EQ(completion.times.ended_ticks, 0u);
}

}  // namespace
}  // namespace penstock
