// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The built-in opcodes, packed slots and shutdown, as gfx1100 code.
#include <gtest/gtest.h>

#include <vector>

#include "penstock/automaton.h"
#include "tests/emu/twins.h"
#include "tests/hip/packed_work.h"

namespace penstock {
namespace {

using EmulatedWords = Twins;

TEST_F(EmulatedWords, NothingPublishedIsNothingDone) {
  RunSame();
  EXPECT_EQ(emulated_->counters().done, 0u);
}

TEST_F(EmulatedWords, EachWordOpcodeGivesItsResult) {
  Publish({MakeWork(layout::kNop), MakeWork(layout::kStoreU32, {3, 0xDEADBEEF}), MakeWork(layout::kLoadU32, {3}),
           MakeWork(layout::kAtomicAdd, {3, 0x30000000}), MakeWork(layout::kLoadU32, {3}),
           MakeWork(layout::kCompareSwap, {3, 1, 2}), MakeWork(layout::kCompareSwap, {3, 0x0EADBEEF, 77}),
           MakeWork(layout::kLoadU32, {3}), MakeWork(layout::kLoadU32, {kUserWords - 1})});
  const auto done = RunSame();
  ASSERT_EQ(done.size(), 9u);
  EXPECT_EQ(done[2].result, 0xDEADBEEFu);
  EXPECT_EQ(done[3].result, 0xDEADBEEFu);
  EXPECT_EQ(done[4].result, 0x0EADBEEFu);
  EXPECT_EQ(done[5].result, layout::JoinWords(0x0EADBEEF, 0));
  EXPECT_EQ(done[6].result, layout::JoinWords(0x0EADBEEF, 1));
  EXPECT_EQ(done[7].result, 77u);
}

TEST_F(EmulatedWords, MemcpyTakesOverlappingWords) {
  for (u32 i = 0; i < 12; ++i) Publish(MakeWork(layout::kStoreU32, {i, 100 + i}));
  Publish({MakeWork(layout::kMemcpy, {2, 0, 8}), MakeWork(layout::kMemcpy, {0, 3, 9}), MakeWork(layout::kMemcpy, {20, 0, 12}),
           MakeWork(layout::kMemcpy, {5, 5, 0})});
  EXPECT_EQ(RunSame()[12].result, 8u);
}

TEST_F(EmulatedWords, RandomWordOpcodesLeaveTheSameWords) {
  for (u32 i = 0; i < 40; ++i) {
    const u32 a = Below(8);
    const u32 b = Below(8);
    switch (Below(5)) {
      case 0: Publish(MakeWork(layout::kStoreU32, {a, Below(4)})); break;
      case 1: Publish(MakeWork(layout::kAtomicAdd, {a, Below(4)})); break;
      case 2: Publish(MakeWork(layout::kLoadU32, {a})); break;
      case 3: Publish(MakeWork(layout::kCompareSwap, {a, Below(4), b})); break;
      default: Publish(MakeWork(layout::kMemcpy, {a, b, Below(8)})); break;
    }
  }
  RunSame();
}

TEST_F(EmulatedWords, BatchFencesFollowTheirBatches) {
  for (u32 count : {1u, 3u, 0u, 1000u}) {
    Publish({MakeWork(layout::kAtomicAdd, {0, 1}), MakeWork(layout::kAtomicAdd, {1, 1}), MakeWork(layout::kBatchFence, {count})});
  }
  for (const Completion& completion : RunSame()) EXPECT_TRUE(completion.ok());
}

TEST_F(EmulatedWords, PrintfFillsTheLogAndCountsWhatItDrops) {
  for (u32 i = 0; i < 6; ++i) Publish(MakeWork(layout::kPrintf, {i, 10 * i, 20 * i, 30 * i}));
  RunSame();
  EXPECT_EQ(emulated_->debug_log().size(), 4u);
  EXPECT_EQ(emulated_->counters().debug_log_dropped, 2u);
}

TEST_F(EmulatedWords, DfaStepsWalkAnAutomaton) {
  const u32 automaton = RegisterAutomaton(*BuildAutomaton({"abc", "bd"}));
  for (u32 state = 0; state < 3; ++state) {
    for (char byte : {'a', 'b', 'c', 'd', '\0', '\xFF'}) {
      Publish(MakeWork(layout::kDfaStep, {automaton, state, static_cast<u8>(byte)}));
    }
  }
  RunSame();
}

TEST_F(EmulatedWords, PackedSlotsRunEveryInnerOp) {
  const u32 automaton = RegisterAutomaton(*BuildAutomaton({"ab"}));
  Publish({PackedWork({{layout::kStoreU32, {1, 5}}, {layout::kAtomicAdd, {1, 2}}, {layout::kLoadU32, {1}}}),
           PackedWork({{layout::kNop, {}}}), PackedWork({{layout::kCompareSwap, {1, 7, 8}}, {layout::kMemcpy, {2, 0, 2}}}),
           PackedWork({{layout::kDfaStep, {automaton, 0, 'a'}}, {layout::kNop, {}}}),
           PackedWork({{layout::kStoreU32, {4, 9}}, {layout::kLoadU32, {kUserWords}}, {layout::kStoreU32, {5, 9}}})});
  const auto done = RunSame();
  EXPECT_EQ(done[0].result, layout::JoinWords(3, 7));
  ExpectFault(done[4], layout::FaultReason::kOutOfRange, 1);
}

TEST_F(EmulatedWords, EveryPriorityIsServed) {
  for (u32 i = 0; i < 40; ++i) {
    Work work = MakeWork(layout::kAtomicAdd, {Below(layout::kPriorityCount), 1});
    work.priority = static_cast<layout::Priority>(i % layout::kPriorityCount);
    work.argument[0] = i % layout::kPriorityCount;  // slots of one priority run in turn, and see their own sums
    Publish(work);
  }
  RunSame();
}

TEST_F(EmulatedWords, AShutdownSlotEndsTheRunAndWhatFollowsWaitsForTheNext) {
  SetTenant({0, ~0u, 0});
  Publish({MakeWork(layout::kAtomicAdd, {0, 1}), MakeWork(layout::kShutdown), MakeWork(layout::kAtomicAdd, {0, 1})});
  RunOnce();
  EXPECT_EQ(emulated_->counters().done, 2u);
  RunSame();
  EXPECT_EQ(emulated_->counters().done, 3u);
}

TEST_F(EmulatedWords, SequenceNumbersWrapAround) {
  DeviceOptions options = Options();
  options.ring.slot_counts = {4, 4, 4, 4, 4};
  options.ring.first_sequence = ~0u - 5;
  Make(options);
  for (u32 lap = 0; lap < 4; ++lap) {
    for (u32 i = 0; i < 4; ++i) Publish(MakeWork(layout::kAtomicAdd, {0, 1}));
    RunSame();
  }
  EXPECT_EQ(emulated_->control_word(layout::kControlUserWords), 16u);
}

}  // namespace
}  // namespace penstock
