// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The resident loop, as gfx1100 code: the host publishes while it runs.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/emu/twins.h"

namespace penstock {
namespace {

using EmulatedLoop = Twins;

TEST_F(EmulatedLoop, RunsWhatIsPublishedMeanwhileAndLeavesWhenTold) {
  Start();
  for (u32 i = 0; i < 12; ++i) {
    Publish(MakeWork(layout::kAtomicAdd, {i % 3, i}));
    ReapSame();
  }
  for (u32 i = 0; i < 30; ++i) Publish(MakeWork(layout::kAtomicAdd, {i % 3, i}));
  ReapSame();
  Stop();
  ExpectSameState();
  EXPECT_EQ(emulated_->counters().done, 42u);
}

TEST_F(EmulatedLoop, WakesUpAfterItWasIdle) {
  Start();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  Publish(MakeWork(layout::kStoreU32, {1, 5}));
  ReapSame();
  Stop();
  ExpectSameState();
}

TEST_F(EmulatedLoop, RunsOnAfterAnotherStart) {
  for (u32 round = 0; round < 3; ++round) {
    Publish(MakeWork(layout::kAtomicAdd, {0, 1}));
    Start();
    Publish(MakeWork(layout::kAtomicAdd, {0, 1}));
    ReapSame();
    Stop();
    ExpectSameState();
  }
}

TEST_F(EmulatedLoop, GoesRoundARingThatIsSmall) {
  DeviceOptions options = Options();
  options.ring.slot_counts = {2, 2, 2, 2, 2};
  Make(options);
  Start();
  for (u32 i = 0; i < 12; ++i) {
    Publish({MakeWork(layout::kAtomicAdd, {0, 1}), MakeWork(layout::kLoadU32, {0})});
    ReapSame();
  }
  Stop();
  ExpectSameState();
}

TEST_F(EmulatedLoop, TakesOverRightsThatChange) {
  Start();
  for (u32 round = 0; round < 4; ++round) {
    SetTenant({3, round % 2 == 0 ? layout::PermissionBit(layout::kNop) : 0, 0});
    Work work = MakeWork(layout::kNop);
    work.tenant = 3;
    Publish(work);
    EXPECT_EQ(ReapSame()[0].ok(), round % 2 == 0);
  }
  Stop();
  ExpectSameState();
}

TEST_F(EmulatedLoop, MirrorsCountersWhileItRuns) {
  DeviceOptions options = Options();
  options.mirror_interval = absl::Milliseconds(1);
  Make(options);
  Start();
  Publish(MakeWork(layout::kStoreU32, {2, 8}));
  ReapSame();
  const u64 heartbeat = emulated_->counters().heartbeat;
  for (u32 i = 0; i < 600 && emulated_->counters().heartbeat < heartbeat + 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_GE(emulated_->counters().heartbeat, heartbeat + 2);
  EXPECT_EQ(emulated_->counters().done, 1u);
  EXPECT_EQ(emulated_->control_word(layout::kControlUserWords + 2), 8u);
  Stop();
  ExpectSameState();
}

}  // namespace
}  // namespace penstock
