// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device/interpreter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/hip/bare_interpreter.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using device::DeferredQueue;
using device::SlotName;
using device::SlotState;
using layout::FaultReason;
using layout::Priority;

// Publishes a slot, scribbles over its words, and returns how the device ends it.
Completion RunScribbled(BareInterpreter<>& interpreter, u32 word, u32 value) {
  const Ticket ticket = interpreter.ring().Publish(MakeWork(layout::kNop)).value();
  interpreter.slot_words(ticket.priority, ticket.sequence)[word] = value;
  interpreter.RunOnce();
  Completion completion;
  EXPECT_TRUE(interpreter.ring().TryReap(ticket, completion)) << interpreter.ring().Dump();
  return completion;
}

TEST(Interpreter, FaultsASlotThatIsNotPublished) {
  BareInterpreter<> interpreter;
  for (u32 status : {layout::kEmpty, layout::kClaimed, layout::kDone, layout::kWaitIo, layout::kFault, 8u, ~0u}) {
    ExpectFault(RunScribbled(interpreter, layout::kStatusWord, status), FaultReason::kSlotCorrupt, status);
  }
}

TEST(Interpreter, DoesNotBelieveASlotThatClaimsToHaveBeenAdmitted) {
  BareInterpreter<> interpreter;
  for (u32 status : {layout::kYield, layout::kRequeue}) {
    ExpectFault(RunScribbled(interpreter, layout::kStatusWord, status), FaultReason::kSlotCorrupt, status);
  }
}

TEST(Interpreter, ChecksTheOpcodeThatTheSlotHoldsAndNotTheOneThatThePublisherNamed) {
  BareInterpreter<> interpreter;
  ExpectFault(RunScribbled(interpreter, layout::kOpcodeWord, layout::kShutdown), FaultReason::kTenantDenied, layout::kShutdown);
  ExpectFault(RunScribbled(interpreter, layout::kOpcodeWord, 0xFFF5), FaultReason::kUnknownOpcode, 0xFFF5);
}

// Lets a test change a slot between its runs.
std::atomic<u32*> g_slot_words = nullptr;
struct BecomesShutdown {
  static constexpr u32 kOpcode = 0x10;
  static constexpr u32 kArgumentCount = 0;
  static device::Outcome Run(const device::Context&) {
    g_slot_words.load()[layout::kOpcodeWord] = layout::kShutdown;
    return device::Outcome::Yield();
  }
};

TEST(Interpreter, ChecksADeferredSlotAgainEachTimeItIsRun) {
  BareInterpreter<device::Program<BecomesShutdown>> interpreter;
  g_slot_words = interpreter.slot_words(Priority::kNormal, 0);
  ExpectFault(interpreter.Run(MakeWork(BecomesShutdown::kOpcode)), FaultReason::kTenantDenied, layout::kShutdown);
}

struct YieldsTwice {
  static constexpr u32 kOpcode = 0x11;
  static constexpr u32 kArgumentCount = 1;
  static device::Outcome Run(const device::Context& context) {
    u32* count = &context.view.user_words[context.argument[0]];
    return layout::FetchAdd<layout::Scope::kDevice>(count, 1u) % 3 == 2 ? device::Outcome::Done() : device::Outcome::Yield();
  }
};

TEST(Interpreter, TakesADeferredSlotFromTheQuotaOnce) {
  BareInterpreter<device::Program<YieldsTwice>> interpreter;
  interpreter.memory().control()[layout::kControlTenantQuotas] = 2;
  EXPECT_TRUE(interpreter.Run(MakeWork(YieldsTwice::kOpcode, {0})).ok());
  EXPECT_TRUE(interpreter.Run(MakeWork(YieldsTwice::kOpcode, {0})).ok());
  ExpectFault(interpreter.Run(MakeWork(YieldsTwice::kOpcode, {0})), FaultReason::kTenantOverQuota, 2);
}

TEST(Interpreter, RunsADeferredSlotsPlaceAnewAfterItsSequenceNumberHasComeRoundAgain) {
  BareInterpreter<device::Program<YieldsTwice>> interpreter;
  EXPECT_TRUE(interpreter.Run(MakeWork(YieldsTwice::kOpcode, {0})).ok());
  for (const SlotState& state : interpreter.memory().slot_states()) EXPECT_EQ(state.deferred_since_ticks, 0u);
}

TEST(Interpreter, RunsASlotsOwnWordsWhateverTheNumberOfLanes) {
  for (const u32 lanes : {64u, 65u, 66u, 79u, 80u}) {  // 16 words are fetched ahead by the lanes from 64 on
    const std::unique_ptr<Device> device = MakeDevice(OptionsFor({1, lanes}));
    ASSERT_TRUE(device->Start().ok());
    for (u32 i = 1; i < 10; ++i) RunWork(*device, MakeWork(layout::kStoreU32, {i, 100 + i}));
    for (u32 i = 1; i < 10; ++i) {
      EXPECT_EQ(ResultOf(RunWork(*device, MakeWork(layout::kLoadU32, {i}))), 100 + i) << lanes << " lanes";
    }
  }
}

TEST(IoTicket, IsNever0HoweverOftenASlotWasUsed) {
  constexpr u32 kUses = 1u << (32 - device::IoTicket::kIndexBits);  // that a ticket tells apart
  device::IoEntry entry = {};
  for (const u32 used : {0u, kUses - 1, kUses, 2 * kUses - 1, ~0u / device::IoEntry::kUse}) {
    entry.kind = used * device::IoEntry::kUse;
    const u32 kind = device::EnterRequester(entry, {device::IoRequester::kPolled, 0, {0, 0}});
    EXPECT_EQ(kind, entry.kind);
    EXPECT_EQ(device::IoEntry::KindOf(kind), device::IoRequester::kPolled);
    EXPECT_NE(device::IoTicket::Of(0, kind).value, 0u) << used;
  }
}

TEST(MarkCompleted, NeverTakesBackWhatALaterLapHasRecorded) {
  SlotState state = {};
  device::MarkCompleted(state, 12);
  device::MarkCompleted(state, 4);  // the workgroup of an earlier lap, which was slow
  EXPECT_TRUE(device::HasCompleted(state, 12));
  EXPECT_TRUE(device::HasCompleted(state, 4));
  EXPECT_FALSE(device::HasCompleted(state, 20));
}

TEST(MarkCompleted, CountsAcrossTheWrapOfSequenceNumbers) {
  SlotState state = {};
  state.completed = ~0u - 3;
  EXPECT_FALSE(device::HasCompleted(state, ~0u));
  device::MarkCompleted(state, ~0u);
  EXPECT_TRUE(device::HasCompleted(state, ~0u));
  EXPECT_FALSE(device::HasCompleted(state, 3));
  device::MarkCompleted(state, 3);
  EXPECT_TRUE(device::HasCompleted(state, 3));
}

class DeferredQueueOf4 : public testing::Test {
 protected:
  DeferredQueueOf4() {
    for (u32 i = 0; i < 4; ++i) cells_[i].turn = i;
  }
  DeferredQueue::Cell cells_[4] = {};
  DeferredQueue::Cursors cursors_ = {};
  DeferredQueue queue_ = DeferredQueue::Over(cells_, &cursors_, 4);
};

TEST_F(DeferredQueueOf4, GivesSlotsBackInOrderAndRefusesTheFifth) {
  for (u32 lap = 0; lap < 3; ++lap) {
    for (u32 i = 0; i < 4; ++i) EXPECT_TRUE(queue_.TryPush({i, lap}));
    EXPECT_FALSE(queue_.TryPush({9, 9}));
    SlotName slot = {};
    for (u32 i = 0; i < 4; ++i) {
      ASSERT_TRUE(queue_.TryPop(slot));
      EXPECT_EQ(slot.priority, i);
      EXPECT_EQ(slot.sequence, lap);
    }
    EXPECT_FALSE(queue_.TryPop(slot));
  }
}

TEST_F(DeferredQueueOf4, LosesAndDoublesNothingBetweenThreads) {
  constexpr u32 kPerThread = 20000;
  std::vector<std::atomic<u32>> seen(2 * kPerThread);
  std::atomic<u32> popped = 0;
  const auto push = [&](u32 first) {
    for (u32 i = 0; i < kPerThread; ++i) {
      while (!queue_.TryPush({0, first + i})) std::this_thread::yield();
    }
  };
  const auto pop = [&] {
    SlotName slot = {};
    while (popped.load() < 2 * kPerThread) {
      if (!queue_.TryPop(slot)) {
        std::this_thread::yield();
        continue;
      }
      seen[slot.sequence].fetch_add(1);
      popped.fetch_add(1);
    }
  };
  std::vector<std::thread> threads;
  for (u32 first : {0u, kPerThread}) threads.emplace_back(push, first);
  for (u32 i = 0; i < 2; ++i) threads.emplace_back(pop);
  for (std::thread& thread : threads) thread.join();
  for (u32 i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i].load(), 1u) << i;
}

}  // namespace
}  // namespace penstock
