// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data handlers at the edges of their ranges: every alignment, every length around the size of a vector and of a row. The
// ranges end where their memory does, so that the address sanitizer finds what reads or writes outside.
#include "penstock/device/rows.h"

#include <gtest/gtest.h>
#include <isa-l/crc.h>

#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "tests/hip/device_session.h"

namespace penstock {
namespace {

constexpr u32 kSeed = 20261122;
constexpr u32 kBytes = 20000;
constexpr u32 kLargeBytes = 3 << 20;
constexpr u32 kStaged = 8192;  // the longest pattern that is staged

class Rows : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    for (u8& byte : source_) byte = static_cast<u8>(random_());
    source_handle_ = Register(*device_, absl::MakeSpan(source_), layout::kBufferRead);
    target_handle_ = Register(*device_, absl::MakeSpan(target_));
    // A pattern starts where its buffer does.
    for (u32 skew = 0; skew < pattern_handles_.size(); ++skew) {
      pattern_handles_[skew] = Register(*device_, absl::MakeSpan(source_).subspan(skew), layout::kBufferRead);
    }
    ASSERT_TRUE(device_->Start().ok());
  }
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }
  u64 Result(const Work& work) { return ResultOf(RunWork(*device_, work)); }

  static Work WorkTo(u32 opcode, const layout::Range& range, const layout::Destination& destination) {
    Work work = RangeWork(opcode, range);
    layout::EncodeDestination(destination, work.argument.data());
    return work;
  }
  Work PatternWork(u32 opcode, u32 at, u32 length, u32 skew, u32 pattern_length, u32 phase) const {
    Work work = RangeWork(opcode, {target_handle_, at, length});
    layout::EncodePattern({pattern_handles_[skew], pattern_length, phase}, work.argument.data());
    return work;
  }
  // What the pattern of PatternWork has for byte i of the range.
  u8 PatternByte(u32 skew, u32 pattern_length, u32 phase, u32 i) const { return source_[skew + (phase + i) % pattern_length]; }

  void ExpectCrc(const std::vector<layout::Range>& ranges) {
    std::vector<Work> works;
    for (const layout::Range& range : ranges) works.push_back(RangeWork(layout::kCrc32c, range));
    const auto done = RunAll(*device_, works);
    for (u32 i = 0; i < ranges.size(); ++i) {
      u8* bytes = source_.data() + ranges[i].offset_bytes;
      const u32 expected = ~crc32_iscsi(bytes, static_cast<int>(ranges[i].length_bytes), ~0u);
      ASSERT_EQ(ResultOf(done[i]), expected) << ranges[i].length_bytes << " bytes from " << ranges[i].offset_bytes;
    }
  }
  // Fills and verifies a range at the end of the target, and finds a byte that is changed.
  void ExpectPattern(u32 length, u32 skew, u32 pattern_length, u32 phase);

  std::mt19937 random_{kSeed};
  std::vector<u8> source_ = std::vector<u8>(kLargeBytes);
  std::vector<u8> target_ = std::vector<u8>(kBytes);
  std::unique_ptr<Device> device_ = MakeDevice(OptionsFor(GetParam()));
  u32 source_handle_ = 0;
  u32 target_handle_ = 0;
  std::array<u32, 16> pattern_handles_ = {};
};
INSTANTIATE_TEST_SUITE_P(Shapes, Rows, LaneShapes(), ShapeName);

TEST_P(Rows, Crc32cIsExactForEveryLengthAndAlignment) {
  for (u32 behind = 0; behind < 32; ++behind) {
    std::vector<layout::Range> ranges;
    for (u32 length = 0; length <= 300; ++length) {
      ranges.push_back({source_handle_, kLargeBytes - behind - length, length});
      if (ranges.size() < 200 && length < 300) continue;
      ExpectCrc(ranges);
      ranges.clear();
    }
  }
}

TEST_P(Rows, Crc32cIsExactForLargeSizes) {
  ExpectCrc({{source_handle_, 0, kLargeBytes},
             {source_handle_, 0, 1 << 20},
             {source_handle_, 5, (1 << 20) + 1},
             {source_handle_, 16, (1 << 20) - 16},
             {source_handle_, 4096, 4096 + 7}});
}

TEST_P(Rows, HistogramCountsEveryByteAtEveryAlignment) {
  for (u32 behind = 0; behind < 16; ++behind) {
    for (u32 length : {0u, 1u, 14u, 16u, 30u, 31u, 64u, 255u, 1000u}) {
      const layout::Range range = {source_handle_, kLargeBytes - behind - length, length};
      EXPECT_EQ(Result(WorkTo(layout::kHistogram, range, {target_handle_, kBytes - layout::kHistogramBytes})), 0u);
      std::array<u32, layout::kHistogramBins> expected = {};
      for (u32 i = 0; i < length; ++i) ++expected[source_[range.offset_bytes + i]];
      ASSERT_EQ(std::memcmp(&target_[kBytes - sizeof(expected)], expected.data(), sizeof(expected)), 0)
          << length << " bytes, " << behind << " before the end";
    }
  }
}

TEST_P(Rows, CopyMovesEveryByteBetweenAllAlignments) {
  for (u32 from = 0; from < 16; ++from) {
    for (u32 to = 0; to < 16; ++to) {
      const u32 length = Below(3) == 0 ? Below(20) : Below(400);
      std::vector<u8> expected = target_;
      const u64 begin = kLargeBytes - from - length;
      std::memcpy(expected.data() + kBytes - to - length, source_.data() + begin, length);
      EXPECT_EQ(Result(WorkTo(layout::kCopy, {source_handle_, begin, length}, {target_handle_, kBytes - to - length})), length);
      ASSERT_EQ(target_, expected) << length << " bytes, " << from << " before the end, to " << to << " before the end";
    }
  }
}

void Rows::ExpectPattern(u32 length, u32 skew, u32 pattern_length, u32 phase) {
  SCOPED_TRACE(testing::Message() << length << " bytes, pattern of " << pattern_length << " at " << skew << " from " << phase);
  const u32 at = kBytes - length;
  std::vector<u8> expected = target_;
  for (u32 i = 0; i < length; ++i) expected[at + i] = PatternByte(skew, pattern_length, phase, i);
  EXPECT_EQ(Result(PatternWork(layout::kFill, at, length, skew, pattern_length, phase)), length);
  ASSERT_EQ(target_, expected);
  const Work verify = PatternWork(layout::kVerify, at, length, skew, pattern_length, phase);
  ASSERT_EQ(Result(verify), layout::kNoDifference);
  if (length == 0) return;
  const u32 wrong = Below(length);
  target_[at + wrong] ^= 0x80;
  ASSERT_EQ(Result(verify), wrong);
}

TEST_P(Rows, PatternsOfEveryLengthAreStagedFromEveryAlignment) {
  for (u32 skew = 0; skew < 16; ++skew) {
    for (u32 pattern_length : {1u, 2u, 3u, 4u, 7u, 15u, 16u, 17u, 31u, 32u, 33u, 100u}) {
      ExpectPattern(Below(600), skew, pattern_length, Below(pattern_length));
    }
  }
}

TEST_P(Rows, PatternsAroundTheSizeOfTheStagingAreExact) {
  for (u32 skew : {0u, 1u, 4u, 15u}) {
    for (u32 pattern_length : {kStaged - 1, kStaged, kStaged + 1, kStaged + 16}) {
      for (u32 phase : {0u, 1u, pattern_length / 2, pattern_length - 1}) {
        ExpectPattern(kBytes - Below(16), skew, pattern_length, phase);
        ExpectPattern(pattern_length - Below(20), skew, pattern_length, phase);
      }
    }
  }
}

TEST_P(Rows, VerifyFindsADifferenceAtEveryPlaceOfAVector) {
  constexpr u32 kLength = 100;
  for (u32 pattern_length : {3u, 64u, 200u}) {
    for (u32 at = 0; at < 17; ++at) {
      Result(PatternWork(layout::kFill, at, kLength, 1, pattern_length, 2));
      const Work verify = PatternWork(layout::kVerify, at, kLength, 1, pattern_length, 2);
      for (u32 wrong = kLength; wrong-- > 0;) {  // those behind stay wrong
        target_[at + wrong] ^= 1;
        ASSERT_EQ(Result(verify), wrong) << "pattern of " << pattern_length << ", range from " << at;
      }
    }
  }
}

}  // namespace
}  // namespace penstock
