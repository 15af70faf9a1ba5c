// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device/match_handler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "penstock/automaton.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using device::MatchRun;
using layout::FaultReason;
using layout::HighWord;
using layout::LowWord;
using layout::MatchMode;

constexpr u32 kSeed = 20261121;
constexpr u32 kBytes = 40000;  // several blocks of parts, also in a stripe

class MatchHandler : public testing::TestWithParam<Shape> {
 protected:
  void Open(const std::vector<std::string>& patterns, const std::string& alphabet) {
    device_ = MakeDevice(OptionsFor(GetParam()));
    table_ = BuildAutomaton(patterns).value();
    for (u8& byte : text_) byte = static_cast<u8>(alphabet[random_() % alphabet.size()]);
    text_handle_ = Register(*device_, absl::MakeSpan(text_));
    automaton_handle_ = device_->RegisterAutomaton(table_).value();
    ASSERT_TRUE(device_->Start().ok());
  }
  Work MatchWork(const layout::Range& range, const layout::MatchArguments& match) const {
    Work work = RangeWork(layout::kMatch, range);
    layout::EncodeMatch(match, work.argument.data());
    return work;
  }
  u32 states() const { return table_[1]; }
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }

  // One byte after the other, straight from the table.
  MatchRun RunStraight(u32 begin, u32 end, u32 state) const {
    u32 matches = 0;
    for (u32 i = begin; i < end; ++i) {
      const u32 transition = layout::Transition(table_.data(), state, text_[i]);
      matches += layout::Emitted(transition);
      state = layout::NextState(transition);
    }
    return {matches, state};
  }
  void ExpectScansAreExact();
  void ExpectChunksStitchToTheWhole();

  std::mt19937 random_{kSeed};
  std::vector<u8> text_ = std::vector<u8>(kBytes);
  std::vector<u32> table_;
  std::unique_ptr<Device> device_;
  u32 text_handle_ = 0;
  u32 automaton_handle_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Shapes, MatchHandler, AllShapes(), ShapeName);

void MatchHandler::ExpectScansAreExact() {
  for (u32 round = 0; round < 60; ++round) {
    const u32 begin = Below(kBytes);
    const u32 length = round % 3 == 0 ? Below(std::min(60u, kBytes - begin)) : Below(kBytes - begin);
    const u32 entry = round % 2 == 0 ? 0 : Below(states());
    const u64 result =
        ResultOf(RunWork(*device_, MatchWork({text_handle_, begin, length}, {automaton_handle_, entry, MatchMode::kScan})));
    const MatchRun expected = RunStraight(begin, begin + length, entry);
    ASSERT_EQ(LowWord(result), expected.matches)
        << "seed " << kSeed << ", " << length << " bytes from " << begin << ", entry " << entry;
    ASSERT_EQ(HighWord(result), expected.state)
        << "seed " << kSeed << ", " << length << " bytes from " << begin << ", entry " << entry;
  }
}

// As a pump does: every chunk is scanned from the root at once; then, in order, those whose true entry is another state are
// repaired.
void MatchHandler::ExpectChunksStitchToTheWhole() {
  std::vector<u32> cuts = {0, kBytes};
  for (u32 i = 0; i < 12; ++i) cuts.push_back(Below(kBytes));
  std::sort(cuts.begin(), cuts.end());
  std::vector<Work> scans;
  for (u32 i = 0; i + 1 < cuts.size(); ++i) {
    scans.push_back(MatchWork({text_handle_, cuts[i], cuts[i + 1] - cuts[i]}, {automaton_handle_, 0, MatchMode::kScan}));
  }
  const auto scanned = RunAll(*device_, scans);
  MatchRun whole = {0, 0};
  for (u32 i = 0; i < scans.size(); ++i) {
    u64 repair = layout::JoinWords(0, layout::kConverged);
    if (whole.state != 0) {
      const layout::MatchArguments arguments = {automaton_handle_, whole.state, MatchMode::kRepair};
      repair = ResultOf(RunWork(*device_, MatchWork({text_handle_, cuts[i], cuts[i + 1] - cuts[i]}, arguments)));
    }
    whole.matches += LowWord(ResultOf(scanned[i])) + LowWord(repair);
    whole.state = HighWord(repair) == layout::kConverged ? HighWord(ResultOf(scanned[i])) : HighWord(repair);
  }
  const MatchRun expected = RunStraight(0, kBytes, 0);
  EXPECT_EQ(whole.matches, expected.matches) << "seed " << kSeed;
  EXPECT_EQ(whole.state, expected.state) << "seed " << kSeed;
}

TEST_P(MatchHandler, ScansExactlyOverASmallAlphabet) {
  Open({"ab", "abba", "bb", "a"}, "ab");
  ExpectScansAreExact();
  ExpectChunksStitchToTheWhole();
}

TEST_P(MatchHandler, ScansExactlyWhereRunsNeverMeet) {
  Open({"aaa"}, "a");  // every stripe has to be run again
  ExpectScansAreExact();
  ExpectChunksStitchToTheWhole();
}

TEST_P(MatchHandler, ScansExactlyOverALargerAlphabet) {
  Open({"cab", "a", "abcdef", "fed", "ee"}, "abcdef\n");
  ExpectScansAreExact();
  ExpectChunksStitchToTheWhole();
}

// Around the borders of what a lane scans, and of what all lanes scan at a time.
TEST_P(MatchHandler, ScansExactlyAtEveryAlignmentOfEitherEnd) {
  Open({"ab", "abba", "bb", "a"}, "ab");
  for (u32 length : {1u, 17u, 64u, 65u, 127u, 256u, 300u}) {
    for (u32 begin = 0; begin < 16; ++begin) {
      const u64 result = ResultOf(RunWork(*device_, MatchWork({text_handle_, kBytes - length - begin, length},
                                                              {automaton_handle_, begin % states(), MatchMode::kScan})));
      const MatchRun expected = RunStraight(kBytes - length - begin, kBytes - begin, begin % states());
      ASSERT_EQ(LowWord(result), expected.matches) << length << " bytes, " << begin << " before the end";
      ASSERT_EQ(HighWord(result), expected.state) << length << " bytes, " << begin << " before the end";
    }
  }
}

TEST_P(MatchHandler, RepairIsExactWhereRunsMeetLateOrNever) {
  Open({"aaa"}, "a");
  text_[1000] = 'b';
  for (u32 begin : {0u, 990u, 1001u, 3003u}) {
    for (u32 length : {5u, 255u, 257u, 2000u}) {
      const u64 result =
          ResultOf(RunWork(*device_, MatchWork({text_handle_, begin, length}, {automaton_handle_, 1, MatchMode::kRepair})));
      const MatchRun from_root = RunStraight(begin, begin + length, 0);
      const MatchRun from_entry = RunStraight(begin, begin + length, 1);
      EXPECT_EQ(LowWord(result), from_entry.matches - from_root.matches) << length << " bytes from " << begin;
      EXPECT_EQ(HighWord(result), from_entry.state == from_root.state ? layout::kConverged : from_entry.state)
          << length << " bytes from " << begin;
    }
  }
}

TEST_P(MatchHandler, RepairGivesTheDifferenceToTheScanFromTheRoot) {
  Open({"aab", "ba"}, "ab");
  for (u32 round = 0; round < 40; ++round) {
    const u32 begin = Below(kBytes);
    const u32 length = Below(std::min(20u, kBytes - begin));
    const u32 entry = Below(states());
    const u64 result =
        ResultOf(RunWork(*device_, MatchWork({text_handle_, begin, length}, {automaton_handle_, entry, MatchMode::kRepair})));
    const MatchRun from_root = RunStraight(begin, begin + length, 0);
    const MatchRun from_entry = RunStraight(begin, begin + length, entry);
    EXPECT_EQ(LowWord(result), from_entry.matches - from_root.matches);
    EXPECT_EQ(HighWord(result), from_entry.state == from_root.state ? layout::kConverged : from_entry.state);
  }
}

TEST_P(MatchHandler, RefusesWhatIsNoAutomatonStateOrMode) {
  Open({"ab"}, "ab");
  const layout::Range range = {text_handle_, 0, 100};
  const auto run = [&](const layout::MatchArguments& match) { return RunWork(*device_, MatchWork(range, match)); };
  ExpectFault(run({text_handle_, 0, MatchMode::kScan}), FaultReason::kAccessDenied, text_handle_);
  ExpectFault(run({0, 0, MatchMode::kScan}), FaultReason::kBadHandle, 0);
  ExpectFault(run({automaton_handle_, states(), MatchMode::kScan}), FaultReason::kBadArgument, 5);
  ExpectFault(run({automaton_handle_, ~0u, MatchMode::kRepair}), FaultReason::kBadArgument, 5);
  ExpectFault(run({automaton_handle_, 0, static_cast<MatchMode>(2)}), FaultReason::kBadArgument, 6);
}

TEST_P(MatchHandler, NobodyCanWriteAnAutomaton) {
  Open({"ab"}, "ab");
  Work copy = RangeWork(layout::kCopy, {text_handle_, 0, 4});
  layout::EncodeDestination({automaton_handle_, 0}, copy.argument.data());
  ExpectFault(RunWork(*device_, copy), FaultReason::kAccessDenied, automaton_handle_);
  Work fill = RangeWork(layout::kFill, {automaton_handle_, 0, 4});
  layout::EncodePattern({text_handle_, 1, 0}, fill.argument.data());
  ExpectFault(RunWork(*device_, fill), FaultReason::kAccessDenied, automaton_handle_);
}

}  // namespace
}  // namespace penstock
