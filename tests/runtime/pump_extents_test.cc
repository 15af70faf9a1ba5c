// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A source that is a part of a volume.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "penstock/error.h"
#include "penstock/pump.h"
#include "tests/runtime/pump_rig.h"
#include "tests/runtime/text_model.h"

namespace penstock {
namespace {

using fakes::FaultKind;
using testing::AllOf;
using testing::HasSubstr;

TEST(PumpExtent, IsReadFromItsFirstToItsLastByte) {
  PumpRig rig;
  for (const auto& [offset, length] : {std::pair{0, 0}, {0, 1}, {1, 1}, {4095, 2}, {4096, 4096}, {777, 40'000}, {50'000, 0}}) {
    rig.AddFile(50'000, {.offset = static_cast<uint64_t>(offset), .length = length});
  }
  rig.AddFile(50'000, {.offset = 12'345});
  rig.ExpectAllWell(rig.Run());
}

TEST(PumpExtent, IsReadInItsOwnChunksFromAnAlignedOffsetOnPathRead) {
  PumpRig rig({.queue = {.path = ReadPath::kRead}});
  rig.AddFile(50'000, {.offset = 3 * 4096, .length = 2 * 4096 + 1});
  if (rig.volumes.front().support(ReadPath::kRead).fd < 0) GTEST_SKIP() << "no direct I/O here. Fix: run on a disk file system.";
  rig.ExpectAllWell(rig.Run());
  EXPECT_EQ(rig.queue.reads().size(), 3u);
  EXPECT_EQ(rig.queue.reads()[0].offset_bytes, 3u * 4096);
}

TEST(PumpExtent, NamesTheOffsetOnTheVolumeOfAnError) {
  PumpRig rig;
  rig.AddFile(40 * 4096, {.offset = 1000});
  rig.queue.Inject({FaultKind::kError, EIO, 17 * 4096 + 1000, 1000});
  const PumpOutcome outcome = rig.Run();
  EXPECT_THAT(Message(outcome.status), AllOf(HasSubstr("chunk 17 of "), HasSubstr("at offset 70632")));
  EXPECT_EQ(rig.ends[0].bytes, 17u * 4096);
  EXPECT_EQ(rig.ends[0].result.crc32c, PatternCrc(1000, 17 * 4096));
}

TEST(PumpExtent, SaysWhereOnTheVolumeItsFileWasTruncated) {
  PumpRig rig;
  rig.AddFile(40 * 4096, {.offset = 1000, .length = 100'000});
  rig.files[0].Resize(10 * 4096 + 123);
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(Message(outcome.status), HasSubstr("ends at byte 41083, not at 101000"));
  EXPECT_EQ(rig.ends[0].bytes, 10u * 4096 + 123 - 1000);
}

TEST(PumpExtent, CountsTheMatchesThatLieInIt) {
  const std::vector<std::string> patterns = {"aab", "aa", "abaab", "b\n"};
  for (u32 seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::string text(60'000, 'a');
    for (char& c : text) c = "aaab\n"[random() % 5];
    const uint64_t offset = random() % 20'000;
    const uint64_t length = random() % 40'000;
    PumpRig rig({.queue = {.shuffle = true, .seed = seed}}, *MakeMatchOperation(patterns));
    rig.AddFile(text.size(), {.offset = offset, .length = length});
    rig.files[0].Write(text);
    EXPECT_TRUE(rig.Run().status.ok());
    EXPECT_EQ(rig.ends[0].result.matches, NaiveMatches(text.substr(offset, length), patterns));
  }
}

TEST(PumpExtent, IsComparedWithThePatternFromItsOwnFirstByteOn) {
  for (const bool broken : {false, true}) {
    PumpRig rig({}, *MakeVerifyOperation("seven77"));
    std::string text = "five5" + Repeat("seven77", 50'000) + "and what is behind it";
    if (broken) text[5 + 33'333] ^= 1;
    rig.AddFile(text.size(), {.offset = 5, .length = 50'000});
    rig.files[0].Write(text);
    EXPECT_TRUE(rig.Run().status.ok());
    EXPECT_EQ(rig.ends[0].result.first_difference, broken ? 33'333 : layout::kNoDifference);
  }
}

}  // namespace
}  // namespace penstock
