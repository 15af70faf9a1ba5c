// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device/data_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using layout::FaultReason;
using testing::Each;

constexpr u32 kSeed = 20261121;
constexpr u32 kBytes = 6000;
constexpr u32 kRounds = 60;

u32 ReferenceCrc(const u8* bytes, u32 length) {
  return ~crc32_iscsi(const_cast<u8*>(bytes), static_cast<int>(length), 0xFFFFFFFFu);
}

class DataHandlers : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    for (u8& byte : source_) byte = static_cast<u8>(random_() % 3 == 0 ? random_() : 'x');
    source_handle_ = Register(*device_, absl::MakeSpan(source_), layout::kBufferRead);
    target_handle_ = Register(*device_, absl::MakeSpan(target_));
    write_only_handle_ = Register(*device_, absl::MakeSpan(write_only_), layout::kBufferWrite);
    ASSERT_TRUE(device_->Start().ok());
  }
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }
  // Any place, any alignment, short ones too.
  layout::Range RandomRange(u32 most = kBytes) {
    const u32 length = Below(Below(3) == 0 ? 40 : most);
    return {source_handle_, Below(kBytes - length + 1), length};
  }
  Completion Run(const Work& work) { return RunWork(*device_, work); }
  Work CopyWork(const layout::Range& range, u64 offset) {
    Work work = RangeWork(layout::kCopy, range);
    layout::EncodeDestination({target_handle_, offset}, work.argument.data());
    return work;
  }
  Work PatternWork(u32 opcode, const layout::Range& range, const layout::Pattern& pattern) {
    Work work = RangeWork(opcode, range);
    layout::EncodePattern(pattern, work.argument.data());
    return work;
  }

  std::mt19937 random_{kSeed};
  std::vector<u8> source_ = std::vector<u8>(kBytes);
  std::vector<u8> target_ = std::vector<u8>(2 * kBytes);
  std::vector<u8> write_only_ = std::vector<u8>(2000);
  std::unique_ptr<Device> device_ = MakeDevice(OptionsFor(GetParam()));
  u32 source_handle_ = 0;
  u32 target_handle_ = 0;
  u32 write_only_handle_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Shapes, DataHandlers, AllShapes(), ShapeName);

TEST_P(DataHandlers, Crc32cGivesTheValuesOfRfc3720) {
  const auto crc_of = [&](std::vector<u8> bytes) {
    std::copy(bytes.begin(), bytes.end(), target_.begin());
    return ResultOf(Run(RangeWork(layout::kCrc32c, {target_handle_, 0, static_cast<u32>(bytes.size())})));
  };
  EXPECT_EQ(crc_of(std::vector<u8>(32, 0)), 0x8A9136AAu);
  EXPECT_EQ(crc_of(std::vector<u8>(32, 0xFF)), 0x62A8AB43u);
  EXPECT_EQ(crc_of({'1', '2', '3', '4', '5', '6', '7', '8', '9'}), 0xE3069283u);
  EXPECT_EQ(crc_of({}), 0u);
}

TEST_P(DataHandlers, Crc32cEqualsIsalOnRandomRanges) {
  std::vector<layout::Range> ranges;
  std::vector<Work> works;
  for (u32 i = 0; i < kRounds; ++i) {
    ranges.push_back(RandomRange());
    works.push_back(RangeWork(layout::kCrc32c, ranges.back()));
  }
  const auto done = RunAll(*device_, works);
  for (u32 i = 0; i < kRounds; ++i) {
    EXPECT_EQ(ResultOf(done[i]), ReferenceCrc(source_.data() + ranges[i].offset_bytes, ranges[i].length_bytes))
        << "seed " << kSeed;
  }
}

TEST_P(DataHandlers, HistogramCountsEveryByteOfRandomRanges) {
  for (u32 round = 0; round < kRounds; ++round) {
    const layout::Range range = RandomRange();
    const u32 at = 4 * Below(100);
    Work work = RangeWork(layout::kHistogram, range);
    layout::EncodeDestination({target_handle_, at}, work.argument.data());
    EXPECT_EQ(ResultOf(Run(work)), 0u);
    std::array<u32, layout::kHistogramBins> expected = {};
    for (u32 i = 0; i < range.length_bytes; ++i) ++expected[source_[range.offset_bytes + i]];
    EXPECT_EQ(std::memcmp(target_.data() + at, expected.data(), sizeof(expected)), 0) << "seed " << kSeed;
  }
}

TEST_P(DataHandlers, HistogramRefusesADestinationThatIsNotAligned) {
  Work work = RangeWork(layout::kHistogram, {source_handle_, 0, 10});
  layout::EncodeDestination({target_handle_, 6}, work.argument.data());
  ExpectFault(Run(work), FaultReason::kMisaligned, 6);
}

TEST(HistogramHandler, RefusesABufferThatIsNotAligned) {
  std::vector<u8> bytes(2000);
  const auto device = MakeDevice();
  const u32 handle = Register(*device, absl::MakeSpan(bytes).subspan(1));
  ASSERT_TRUE(device->Start().ok());
  Work work = RangeWork(layout::kHistogram, {handle, 0, 10});
  layout::EncodeDestination({handle, 4}, work.argument.data());
  ExpectFault(RunWork(*device, work), FaultReason::kMisaligned, 4);
  layout::EncodeDestination({handle, 3}, work.argument.data());
  EXPECT_TRUE(RunWork(*device, work).ok());
}

TEST_P(DataHandlers, CopyMovesRandomRangesAndNothingElse) {
  for (u32 round = 0; round < kRounds; ++round) {
    const layout::Range range = RandomRange();
    const u32 at = Below(kBytes);
    std::vector<u8> expected = target_;
    std::copy_n(source_.begin() + static_cast<long>(range.offset_bytes), range.length_bytes, expected.begin() + at);
    EXPECT_EQ(ResultOf(Run(CopyWork(range, at))), range.length_bytes);
    ASSERT_EQ(target_, expected) << "seed " << kSeed;
  }
}

TEST_P(DataHandlers, CopyRefusesRangesThatOverlap) {
  Work work = RangeWork(layout::kCopy, {target_handle_, 100, 50});
  layout::EncodeDestination({target_handle_, 149}, work.argument.data());
  ExpectFault(Run(work), FaultReason::kBadArgument, 4);
  layout::EncodeDestination({target_handle_, 51}, work.argument.data());
  ExpectFault(Run(work), FaultReason::kBadArgument, 4);
  layout::EncodeDestination({target_handle_, 150}, work.argument.data());
  EXPECT_EQ(ResultOf(Run(work)), 50u);
}

TEST_P(DataHandlers, FillRepeatsPatternsOfEveryLength) {
  for (u32 round = 0; round < kRounds; ++round) {
    const u32 pattern_length = 1 + Below(round % 2 == 0 ? 9 : kBytes - 1);
    const u32 phase = Below(pattern_length);
    const u32 length = Below(kBytes);
    const u32 at = Below(kBytes);
    std::vector<u8> expected = target_;
    for (u32 i = 0; i < length; ++i) expected[at + i] = source_[(phase + i) % pattern_length];
    EXPECT_EQ(ResultOf(Run(PatternWork(layout::kFill, {target_handle_, at, length}, {source_handle_, pattern_length, phase}))),
              length);
    ASSERT_EQ(target_, expected) << "seed " << kSeed << ", pattern of " << pattern_length << " from " << phase;
  }
}

TEST_P(DataHandlers, VerifyFindsTheFirstDifferenceExactly) {
  for (u32 round = 0; round < 2 * kRounds; ++round) {
    const u32 pattern_length = 1 + Below(round % 2 == 0 ? 9 : kBytes - 1);
    const u32 phase = Below(pattern_length);
    const u32 length = 1 + Below(kBytes - 1);
    const u32 at = Below(kBytes);
    for (u32 i = 0; i < length; ++i) target_[at + i] = source_[(phase + i) % pattern_length];
    u64 first = layout::kNoDifference;
    for (u32 wrong = Below(4); wrong > 0; --wrong) {
      const u32 where = Below(8) == 0 ? length - 1 : Below(length);
      target_[at + where] = static_cast<u8>(source_[(phase + where) % pattern_length] + 1);
      first = std::min<u64>(first, where);
    }
    EXPECT_EQ(ResultOf(Run(PatternWork(layout::kVerify, {target_handle_, at, length}, {source_handle_, pattern_length, phase}))),
              first)
        << "seed " << kSeed << ", " << length << " bytes, pattern of " << pattern_length << " from " << phase;
  }
}

TEST_P(DataHandlers, VerifyOfNothingFindsNoDifference) {
  EXPECT_EQ(ResultOf(Run(PatternWork(layout::kVerify, {target_handle_, 5, 0}, {source_handle_, 1, 0}))), layout::kNoDifference);
}

TEST_P(DataHandlers, PatternOpsRefuseAnEmptyPatternAndAPhaseOutsideIt) {
  for (u32 opcode : {layout::kFill, layout::kVerify}) {
    ExpectFault(Run(PatternWork(opcode, {target_handle_, 0, 10}, {source_handle_, 0, 0})), FaultReason::kBadArgument, 5);
    ExpectFault(Run(PatternWork(opcode, {target_handle_, 0, 10}, {source_handle_, 4, 4})), FaultReason::kBadArgument, 6);
    ExpectFault(Run(PatternWork(opcode, {target_handle_, 0, 10}, {source_handle_, kBytes + 1, 0})), FaultReason::kOutOfRange, 0);
  }
}

// Every data opcode, with arguments that are right but for its range.
std::vector<Work> EachDataOpcode(const layout::Range& range, u32 writable) {
  std::vector<Work> works;
  for (u32 opcode : {layout::kCrc32c, layout::kHistogram, layout::kCopy, layout::kFill, layout::kVerify, layout::kMatch}) {
    works.push_back(RangeWork(opcode, range));
    layout::EncodeDestination({writable, 2 * kBytes - 2000}, works.back().argument.data());
  }
  return works;
}

TEST_P(DataHandlers, RefuseHandlesThatNameNoBuffer) {
  const u32 stale = layout::MakeHandle(layout::HandleIndex(source_handle_), 2);
  const u32 free_row = layout::MakeHandle(40, 1);
  const u32 no_row = layout::MakeHandle(64, 1);
  for (u32 handle : {0u, stale, free_row, no_row, ~0u, layout::HandleIndex(source_handle_)}) {
    for (const Work& work : EachDataOpcode({handle, 0, 8}, target_handle_)) {
      ExpectFault(Run(work), FaultReason::kBadHandle, handle);
    }
  }
}

TEST_P(DataHandlers, RefuseRangesThatReachPastTheEnd) {
  const layout::Range beyond[] = {{target_handle_, 2 * kBytes, 1},     {target_handle_, 2 * kBytes + 1, 0},
                                  {target_handle_, 0, 2 * kBytes + 1}, {target_handle_, ~u64{0}, 2},
                                  {target_handle_, ~u64{0}, ~0u},      {target_handle_, ~u64{0} - 1000, 1001},
                                  {target_handle_, u64{1} << 32, 1},   {target_handle_, (u64{1} << 63) + 5, ~0u}};
  for (const layout::Range& range : beyond) {
    for (const Work& work : EachDataOpcode(range, target_handle_)) {
      ExpectFault(Run(work), FaultReason::kOutOfRange, layout::LowWord(range.offset_bytes));
    }
  }
}

TEST_P(DataHandlers, RefuseDestinationsThatReachPastTheEnd) {
  for (u64 offset : {u64{2 * kBytes - 9}, u64{2 * kBytes}, ~u64{0}, ~u64{0} - 9}) {
    ExpectFault(Run(CopyWork({source_handle_, 0, 10}, offset)), FaultReason::kOutOfRange, layout::LowWord(offset));
  }
}

TEST_P(DataHandlers, AcceptAnEmptyRangeAtTheVeryEnd) {
  EXPECT_EQ(ResultOf(Run(RangeWork(layout::kCrc32c, {source_handle_, kBytes, 0}))), 0u);
}

TEST_P(DataHandlers, KeepToTheRightsOfABuffer) {
  for (u32 opcode : {layout::kCrc32c, layout::kHistogram, layout::kCopy, layout::kVerify, layout::kMatch}) {
    ExpectFault(Run(RangeWork(opcode, {write_only_handle_, 0, 8})), FaultReason::kAccessDenied, write_only_handle_);
  }
  ExpectFault(Run(PatternWork(layout::kFill, {source_handle_, 0, 8}, {source_handle_, 1, 0})), FaultReason::kAccessDenied,
              source_handle_);
  ExpectFault(Run(PatternWork(layout::kFill, {target_handle_, 0, 8}, {write_only_handle_, 1, 0})), FaultReason::kAccessDenied,
              write_only_handle_);
  for (u32 opcode : {layout::kHistogram, layout::kCopy}) {
    Work work = RangeWork(opcode, {target_handle_, 0, 8});
    layout::EncodeDestination({source_handle_, 0}, work.argument.data());
    ExpectFault(Run(work), FaultReason::kAccessDenied, source_handle_);
  }
  EXPECT_THAT(write_only_, Each(0));
}

}  // namespace
}  // namespace penstock
