// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads that cannot succeed: a bad sector, a place past the end, a read that takes too long. What is wrong is named, nothing else
// suffers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "tests/guest/disk_reader.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint32_t kChunkBytes = DiskReader::kChunkBytes;
constexpr uint64_t kBadByte = 20000 * 512;  // of the disk MEDIAERROR, as the scenario says
constexpr uint64_t kBadChunk = kBadByte / kChunkBytes * kChunkBytes;
constexpr uint16_t kUnrecoveredReadError = 0x281;
constexpr uint16_t kOutOfRangeDoNotRetry = 0x4080;
constexpr uint32_t kRetryLimit = Reader::Options{}.nvme_retry_limit;

bool IsPassthrough(ReadPath path) { return path == ReadPath::kNvme || path == ReadPath::kBar; }

class MediaError : public testing::TestWithParam<ReadPath> {};

TEST_P(MediaError, EndsASourceAtTheChunkAndNamesIt) {
  const Disk disk = DiskOf("MEDIAERROR");
  const Disk sound = DiskOf("PLAIN");
  const auto report = IngestCrc32c({disk.char_node, sound.char_node}, By(GetParam()));
  ASSERT_TRUE(report.ok()) << report.status();
  const SourceReport& failed = report->sources.at(0);
  EXPECT_EQ(failed.status.code(), absl::StatusCode::kDataLoss) << failed.status;
  EXPECT_THAT(CauseOf(failed.status), AllOf(HasSubstr(absl::StrCat("at offset ", kBadChunk)), HasSubstr(disk.char_node)));
  EXPECT_NE(RemedyOf(failed.status), "");
  EXPECT_EQ(failed.bytes, kBadChunk);
  EXPECT_EQ(failed.result.crc32c, disk.content.Crc32c(0, kBadChunk)) << "what came before it is right";
  EXPECT_TRUE(report->sources.at(1).status.ok()) << "the other source must not suffer: " << report->sources[1].status;
  EXPECT_EQ(report->sources[1].result.crc32c, sound.crc32c);
  ExpectEveryReadEndedOnce(*report);
}

TEST_P(MediaError, EndsThePulledChunkAndNoOther) {
  const Disk disk = DiskOf("MEDIAERROR");
  const Disk sound = DiskOf("PLAIN");
  const auto report = PullCrc32c({disk.char_node, sound.char_node}, By(GetParam()));
  ASSERT_TRUE(report.ok()) << report.status();
  const SourceReport& failed = report->sources.at(0);
  EXPECT_EQ(failed.status.code(), absl::StatusCode::kDataLoss) << failed.status;
  EXPECT_THAT(CauseOf(failed.status), AllOf(HasSubstr(absl::StrCat("at offset ", kBadChunk)), HasSubstr(disk.char_node)));
  EXPECT_EQ(failed.bytes, kBadChunk);
  EXPECT_EQ(failed.result.crc32c, disk.content.Crc32c(0, kBadChunk)) << "what came before it is right";
  EXPECT_TRUE(report->sources.at(1).status.ok()) << report->sources[1].status;
  EXPECT_EQ(report->sources[1].result.crc32c, sound.crc32c);
  EXPECT_EQ(report->reads.failed, 1u);
  ExpectEveryReadEndedOnce(*report);
}

// The block layer makes one command of neighbouring reads, which fails as one; they are tried again alone.
TEST_P(MediaError, FailsTheOneChunkAndNoOther) {
  DiskReader reader(DiskOf("MEDIAERROR"), GetParam());
  const std::vector<FailedChunk> failed = reader.ReadAll();
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].offset_bytes, kBadChunk);
  EXPECT_EQ(failed[0].status.code(), absl::StatusCode::kDataLoss) << failed[0].status;
  const Reader::Counts& counts = reader.reader().counts();
  EXPECT_EQ(counts.submitted, counts.completed + 1);
  EXPECT_EQ(counts.failed, 1u);
  if (!IsPassthrough(GetParam())) return;
  EXPECT_EQ(NvmeStatusOf(failed[0].status), kUnrecoveredReadError);
  EXPECT_EQ(counts.resubmitted, kRetryLimit) << "one command a chunk, tried again as often as the limit says";
}

INSTANTIATE_TEST_SUITE_P(, MediaError, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, MediaError, testing::Values(ReadPath::kBar), PathParameter);

class PastTheEnd : public testing::TestWithParam<ReadPath> {};

TEST_P(PastTheEnd, ACommandIsRefusedByTheController) {
  const Disk disk = DiskOf("PLAIN");
  DiskReader reader(disk, GetParam());
  const ChunkResult beyond = reader.ReadOne(disk.bytes, 4096);
  EXPECT_EQ(beyond.status.code(), absl::StatusCode::kOutOfRange) << beyond.status;
  EXPECT_EQ(NvmeStatusOf(beyond.status), kOutOfRangeDoNotRetry);
  EXPECT_EQ(reader.reader().counts().resubmitted, 0u) << "the controller said not to try again";
  const ChunkResult across = reader.ReadOne(disk.bytes - 4096, 8192);
  EXPECT_EQ(across.status.code(), absl::StatusCode::kOutOfRange) << across.status;
  EXPECT_EQ(reader.ReadOne(disk.bytes - 4096, 4096).status, absl::OkStatus()) << "the last bytes are there";
  EXPECT_EQ(disk.content.FirstDifference(reader.buffer(0).first(4096), disk.bytes - 4096), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(, PastTheEnd, testing::Values(ReadPath::kNvme), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, PastTheEnd, testing::Values(ReadPath::kBar), PathParameter);

class Overdue : public testing::TestWithParam<ReadPath> {};

TEST_P(Overdue, ReadsEndAsSuchAndWriteNothingAfterwards) {
  constexpr auto kMark = std::byte{0xC7};
  constexpr uint32_t kBytes = 4096;
  DiskReader reader(DiskOf("SLOW"), GetParam(), absl::Milliseconds(15));
  std::vector<uint32_t> overdue;
  uint32_t ended = 0;
  ChunkResult results[DiskReader::kDepth];
  const auto take = [&](size_t count) {
    for (const ChunkResult& result : absl::MakeSpan(results).first(count)) {
      ++ended;
      if (result.status.ok()) continue;
      overdue.push_back(static_cast<uint32_t>(result.tag));
      EXPECT_EQ(result.status.code(), absl::StatusCode::kDeadlineExceeded) << result.status;
      const absl::Span<std::byte> buffer = reader.buffer(overdue.back()).first(kBytes);
      std::fill(buffer.begin(), buffer.end(), kMark);
    }
  };
  // More than the disk serves at once: 100 a second.
  constexpr uint32_t kRounds = 5;
  for (uint32_t round = 0; round < kRounds; ++round) {
    for (uint32_t tag = 0; tag < DiskReader::kDepth; ++tag) {
      // Far from each other, so that the block layer cannot merge them.
      ASSERT_EQ(reader.Start(tag, uint64_t{round * DiskReader::kDepth + tag} * kChunkBytes, kBytes), absl::OkStatus());
    }
    overdue.clear();
    while (reader.reader().in_flight() > 0) {
      const absl::StatusOr<size_t> count = reader.reader().Wait(absl::MakeSpan(results), absl::Seconds(5));
      ASSERT_TRUE(count.ok()) << count.status();
      take(*count);
    }
  }
  EXPECT_EQ(ended, kRounds * DiskReader::kDepth);
  ASSERT_FALSE(overdue.empty()) << "at 10 ms a read, not all of eight can end in time once the disk's burst is used up";
  usleep(300'000);
  for (const uint32_t tag : overdue) {
    const absl::Span<std::byte> buffer = reader.buffer(tag).first(kBytes);
    EXPECT_TRUE(std::all_of(buffer.begin(), buffer.end(), [](std::byte byte) { return byte == kMark; })) << tag;
  }
  EXPECT_EQ(reader.reader().Drain(absl::Seconds(5)), absl::OkStatus());
}

TEST_P(Overdue, ReadsInFlightAreGivenUpByDraining) {
  DiskReader reader(DiskOf("SLOW"), GetParam());
  for (uint32_t tag = 0; tag < DiskReader::kDepth; ++tag) {
    ASSERT_EQ(reader.Start(tag, uint64_t{tag} * kChunkBytes), absl::OkStatus());
  }
  const uint64_t begin_ns = MonotonicNs();
  EXPECT_EQ(reader.reader().Drain(absl::Seconds(10)), absl::OkStatus());
  EXPECT_LT(MonotonicNs() - begin_ns, 5'000'000'000u);
  EXPECT_EQ(reader.reader().in_flight(), 0u);
  const Reader::Counts& counts = reader.reader().counts();
  EXPECT_EQ(counts.submitted, counts.completed + counts.failed);
}

INSTANTIATE_TEST_SUITE_P(, Overdue, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Overdue, testing::Values(ReadPath::kBar), PathParameter);

}  // namespace
}  // namespace penstock::guest
