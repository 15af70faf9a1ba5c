// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device/word_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "penstock/automaton.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using layout::FaultReason;
using layout::HighWord;
using layout::LowWord;
using testing::ElementsAre;

constexpr u32 kWords = 64;

class WordHandlers : public testing::TestWithParam<Shape> {
 protected:
  static TestOptions Options() {
    TestOptions options = OptionsFor(GetParam());
    options.user_words = kWords;
    options.debug_log_records = 8;
    return options;
  }
  void SetUp() override {
    device_ = MakeDevice(Options());
    automaton_ = BuildAutomaton({"ab", "abcd", "c"}).value();
    automaton_handle_ = device_->RegisterAutomaton(automaton_).value();
    buffer_handle_ = Register(*device_, absl::MakeSpan(bytes_));
    ASSERT_TRUE(device_->Start().ok());
  }
  Completion Run(u32 opcode, std::initializer_list<u32> arguments) { return RunWork(*device_, MakeWork(opcode, arguments)); }
  u64 Result(u32 opcode, std::initializer_list<u32> arguments) { return ResultOf(Run(opcode, arguments)); }
  void Store(u32 index, u32 value) { EXPECT_EQ(Result(layout::kStoreU32, {index, value}), 0u); }
  u32 Load(u32 index) { return static_cast<u32>(Result(layout::kLoadU32, {index})); }

  std::vector<u8> bytes_ = std::vector<u8>(64);
  std::vector<u32> automaton_;
  std::unique_ptr<Device> device_;
  u32 automaton_handle_ = 0;
  u32 buffer_handle_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Shapes, WordHandlers, AllShapes(), ShapeName);

TEST_P(WordHandlers, NopIsDoneWithResultZero) { EXPECT_EQ(Result(layout::kNop, {}), 0u); }

TEST_P(WordHandlers, LoadGivesWhatStoreLeft) {
  for (u32 index : {0u, 1u, kWords - 1}) Store(index, 0xABC00000u + index);
  for (u32 index : {0u, 1u, kWords - 1}) EXPECT_EQ(Load(index), 0xABC00000u + index);
  EXPECT_EQ(Load(2), 0u);
}

TEST_P(WordHandlers, AtomicAddGivesThePreviousValueAndWraps) {
  EXPECT_EQ(Result(layout::kAtomicAdd, {3, 0xFFFFFFFF}), 0u);
  EXPECT_EQ(Result(layout::kAtomicAdd, {3, 2}), 0xFFFFFFFFu);
  EXPECT_EQ(Load(3), 1u);
}

TEST_P(WordHandlers, ConcurrentAtomicAddsEachSeeTheirOwnPreviousValue) {
  std::vector<u64> previous;
  for (u32 round = 0; round < 4; ++round) {
    const auto done = RunAll(*device_, std::vector<Work>(200, MakeWork(layout::kAtomicAdd, {5, 1})));
    for (const Completion& completion : done) previous.push_back(ResultOf(completion));
  }
  std::sort(previous.begin(), previous.end());
  std::vector<u64> expected(800);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(previous, expected);
}

TEST_P(WordHandlers, CompareSwapStoresOnlyOverWhatWasExpected) {
  Store(7, 10);
  const u64 refused = Result(layout::kCompareSwap, {7, 11, 20});
  EXPECT_EQ(LowWord(refused), 10u);
  EXPECT_EQ(HighWord(refused), 0u);
  EXPECT_EQ(Load(7), 10u);
  const u64 swapped = Result(layout::kCompareSwap, {7, 10, 20});
  EXPECT_EQ(LowWord(swapped), 10u);
  EXPECT_EQ(HighWord(swapped), 1u);
  EXPECT_EQ(Load(7), 20u);
}

TEST_P(WordHandlers, MemcpyMovesWordsThatOverlapEitherWay) {
  std::mt19937 random(7);
  std::vector<u32> expected(kWords);
  for (u32 i = 0; i < kWords; ++i) Store(i, expected[i] = 100 + i);
  struct Move {
    u32 destination;
    u32 source;
    u32 count;
  };
  std::vector<Move> moves = {{1, 0, kWords - 1}, {0, 1, kWords - 1}, {0, 0, kWords}, {kWords, 0, 0}, {0, kWords, 0}};
  for (u32 i = 0; i < 20; ++i) {
    const u32 count = static_cast<u32>(random() % 40);
    moves.push_back({static_cast<u32>(random() % (kWords - count)), static_cast<u32>(random() % (kWords - count)), count});
  }
  for (const Move& move : moves) {
    EXPECT_EQ(Result(layout::kMemcpy, {move.destination, move.source, move.count}), move.count);
    std::vector<u32> moved(expected.begin() + move.source, expected.begin() + move.source + move.count);
    std::copy(moved.begin(), moved.end(), expected.begin() + move.destination);
  }
  for (u32 i = 0; i < kWords; ++i) EXPECT_EQ(Load(i), expected[i]) << i;
}

TEST_P(WordHandlers, RefuseWordsOutsideTheWindow) {
  for (u32 index : {kWords, kWords + 1, 0x7FFFFFFFu, ~0u, 0u - 160}) {
    ExpectFault(Run(layout::kStoreU32, {index, 1}), FaultReason::kOutOfRange, index);
    ExpectFault(Run(layout::kLoadU32, {index}), FaultReason::kOutOfRange, index);
    ExpectFault(Run(layout::kAtomicAdd, {index, 1}), FaultReason::kOutOfRange, index);
    ExpectFault(Run(layout::kCompareSwap, {index, 0, 1}), FaultReason::kOutOfRange, index);
    ExpectFault(Run(layout::kMemcpy, {index, 0, 1}), FaultReason::kOutOfRange, index);
    ExpectFault(Run(layout::kMemcpy, {0, index, 1}), FaultReason::kOutOfRange, index);
  }
  ExpectFault(Run(layout::kMemcpy, {1, 0, kWords}), FaultReason::kOutOfRange, 1);
  ExpectFault(Run(layout::kMemcpy, {0, 1, kWords}), FaultReason::kOutOfRange, 1);
  ExpectFault(Run(layout::kMemcpy, {2, 1, ~0u}), FaultReason::kOutOfRange, 2);
}

TEST_P(WordHandlers, NeverReachTheControlWords) {
  std::vector<u32> before;
  for (u32 i = 0; i < layout::kControlTenantFairness; ++i) before.push_back(device_->control_word(i));
  // Word indices at which the control words would be, were the window part of the control block or wrapped.
  for (u32 i = 0; i < layout::kControlMinWords; ++i) {
    (void)Run(layout::kStoreU32, {i - layout::kControlMinWords, 0xDEAD});
    if (i < kWords) Store(i, 0xBEEF);
  }
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  before[layout::kControlDoneCount] = kWords;
  for (u32 i = 0; i < layout::kControlTenantFairness; ++i) EXPECT_EQ(device_->control_word(i), before[i]) << "word " << i;
  for (u32 i = 0; i < kWords; ++i) EXPECT_EQ(device_->control_word(layout::kControlUserWords + i), 0xBEEFu);
}

TEST_P(WordHandlers, DfaStepFollowsTheAutomatonsTable) {
  const u32 states = automaton_[1];
  for (u32 state = 0; state < states; ++state) {
    for (u32 byte : {0u, u32{'a'}, u32{'b'}, u32{'c'}, u32{'d'}, 0xFFu}) {
      const u32 transition = layout::Transition(automaton_.data(), state, byte);
      EXPECT_EQ(Result(layout::kDfaStep, {automaton_handle_, state, byte}),
                layout::JoinWords(layout::NextState(transition), layout::Emitted(transition)));
    }
  }
}

TEST_P(WordHandlers, DfaStepRefusesWhatIsNoAutomatonStateOrByte) {
  const u32 stale = layout::MakeHandle(layout::HandleIndex(automaton_handle_), 2);
  ExpectFault(Run(layout::kDfaStep, {automaton_handle_, automaton_[1], 0}), FaultReason::kBadArgument, 1);
  ExpectFault(Run(layout::kDfaStep, {automaton_handle_, ~0u, 0}), FaultReason::kBadArgument, 1);
  ExpectFault(Run(layout::kDfaStep, {automaton_handle_, 0, 256}), FaultReason::kBadArgument, 2);
  ExpectFault(Run(layout::kDfaStep, {buffer_handle_, 0, 0}), FaultReason::kAccessDenied, buffer_handle_);
  ExpectFault(Run(layout::kDfaStep, {stale, 0, 0}), FaultReason::kBadHandle, stale);
  ExpectFault(Run(layout::kDfaStep, {0, 0, 0}), FaultReason::kBadHandle, 0);
}

TEST_P(WordHandlers, PrintfIsInTheLogBeforeItsSlotIsDone) {
  for (u32 i = 0; i < 5; ++i) {
    EXPECT_EQ(Result(layout::kPrintf, {40 + i, i, 2 * i, 3 * i}), 1u);
    const auto log = device_->debug_log();
    ASSERT_EQ(log.size(), i + 1);
    EXPECT_EQ(log[i].format_id, 40 + i);
    EXPECT_THAT(log[i].argument, ElementsAre(i, 2 * i, 3 * i));
  }
}

TEST_P(WordHandlers, PrintfDropsAndCountsWhatDoesNotFit) {
  std::vector<Work> works;
  for (u32 i = 0; i < 20; ++i) works.push_back(MakeWork(layout::kPrintf, {i, i + 1, i + 2, i + 3}));
  u64 kept = 0;
  for (const Completion& completion : RunAll(*device_, works)) kept += ResultOf(completion);
  EXPECT_EQ(kept, 8u);
  for (const auto& record : device_->debug_log()) {  // whole records, whichever workgroup came first
    EXPECT_THAT(record.argument, ElementsAre(record.format_id + 1, record.format_id + 2, record.format_id + 3));
  }
  EXPECT_EQ(device_->debug_log().size(), 8u);
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().debug_log_dropped, 12u);
}

TEST_P(WordHandlers, LoadMissFaultsWhileNobodyServesIo) {
  ExpectFault(Run(layout::kLoadMiss, {1, 0}), FaultReason::kNotConnected, 0);
}

TEST_P(WordHandlers, AnOpcodeThatNobodyHandlesFaults) {
  for (u32 opcode : {8u, 0xFFEFu, 0x10000u, 0x7FFFFFFFu, layout::kLastDataOpcode}) {
    ExpectFault(Run(opcode, {}), FaultReason::kUnknownOpcode, opcode);
  }
}

TEST_P(WordHandlers, EveryFaultIsCounted) {
  RunAll(*device_, std::vector<Work>(10, MakeWork(8)));
  RunAll(*device_, std::vector<Work>(7, MakeWork(layout::kNop)));
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().faults, 10u);
  EXPECT_EQ(device_->counters().done, 7u);
}

}  // namespace
}  // namespace penstock
