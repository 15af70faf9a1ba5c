// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data opcodes, as gfx1100 code with all 256 lanes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "penstock/automaton.h"
#include "tests/emu/twins.h"

namespace penstock {
namespace {

class EmulatedData : public Twins {
 protected:
  static constexpr u32 kBytes = 12000;

  void SetUp() override {
    Twins::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    source_ = Register(RandomBytes(kBytes), layout::kBufferRead);
    target_ = Register(RandomBytes(2 * kBytes));
  }

  // Lengths around a lane's share and around a wave's, the longest with several bytes for every lane; odd places.
  std::vector<layout::Range> Ranges() {
    std::vector<layout::Range> ranges;
    for (u32 length : {0u, 1u, 15u, 16u, 17u, 511u, 512u, 4095u, 4096u, 4097u, 9001u}) {
      ranges.push_back({source_, Below(kBytes - length), length});
    }
    return ranges;
  }
  Work PatternWork(u32 opcode, const layout::Range& range, const layout::Pattern& pattern) {
    Work work = RangeWork(opcode, range);
    layout::EncodePattern(pattern, work.argument.data());
    return work;
  }

  u32 source_ = 0;
  u32 target_ = 0;
};

TEST_F(EmulatedData, Crc32c) {
  for (const layout::Range& range : Ranges()) Publish(RangeWork(layout::kCrc32c, range));
  RunSame();
}

TEST_F(EmulatedData, Histogram) {
  u32 at = 0;
  for (const layout::Range& range : Ranges()) {
    Work work = RangeWork(layout::kHistogram, range);
    layout::EncodeDestination({target_, at}, work.argument.data());
    at += layout::kHistogramBytes;
    Publish(work);
  }
  RunSame();
}

TEST_F(EmulatedData, Copy) {
  for (const layout::Range& range : Ranges()) {
    Work work = RangeWork(layout::kCopy, range);
    layout::EncodeDestination({target_, Below(2 * kBytes - range.length_bytes)}, work.argument.data());
    Publish(work);
  }
  RunSame();
}

TEST_F(EmulatedData, Fill) {
  for (layout::Range range : Ranges()) {
    range.handle = target_;
    const u32 period = 1 + Below(Below(2) == 0 ? 40 : 5000);
    Publish(PatternWork(layout::kFill, range, {source_, period, Below(period)}));
  }
  RunSame();
}

TEST_F(EmulatedData, VerifyFindsNothingInWhatWasFilled) {
  for (layout::Range range : Ranges()) {
    range.handle = target_;
    const u32 period = 1 + Below(Below(2) == 0 ? 40 : 5000);
    const layout::Pattern pattern = {source_, period, Below(period)};
    Publish({PatternWork(layout::kFill, range, pattern), PatternWork(layout::kVerify, range, pattern)});
  }
  const auto done = RunSame();
  for (size_t i = 1; i < done.size(); i += 2) EXPECT_EQ(done[i].result, layout::kNoDifference);
}

TEST_F(EmulatedData, VerifyFindsTheFirstDifference) {
  const layout::Range range = {target_, 3, 9001};
  const layout::Pattern pattern = {source_, 37, 5};
  const u32 byte = Register({0x55}, layout::kBufferRead);
  for (u32 at : {0u, 1u, 4999u, 9000u}) {
    Publish(PatternWork(layout::kFill, range, pattern));
    for (u32 place : {at, 9000u}) Publish(PatternWork(layout::kFill, {target_, 3 + place, 1}, {byte, 1, 0}));
    Publish(PatternWork(layout::kVerify, range, pattern));
  }
  RunSame();
}

TEST_F(EmulatedData, Match) {
  constexpr std::string_view kText = "abracadabra ";
  std::vector<u8> text(kBytes);
  for (u32 i = 0; i < kBytes; ++i) text[i] = static_cast<u8>(Below(9) == 0 ? 'a' : kText[i % kText.size()]);
  const u32 handle = Register(text, layout::kBufferRead);
  const u32 automaton = RegisterAutomaton(*BuildAutomaton({"abra", "cad", "aa", "a"}));
  for (layout::Range range : Ranges()) {
    range.handle = handle;
    for (const auto mode : {layout::MatchMode::kScan, layout::MatchMode::kRepair}) {
      Work work = RangeWork(layout::kMatch, range);
      layout::EncodeMatch({automaton, Below(3), mode}, work.argument.data());
      Publish(work);
    }
  }
  RunSame();
}

}  // namespace
}  // namespace penstock
