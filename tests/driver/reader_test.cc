// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Results: pairing, short reads, ends of files, retries, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include "penstock/error.h"
#include "tests/driver/reader_fixture.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Reader, PairsCompletionsByUserDataInWhateverOrderTheyCome) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ReaderFixture f(8 * 1024, {.shuffle = true, .seed = seed});
    for (uint64_t tag = 0; tag < 8; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
    const std::vector<ChunkResult> results = f.Collect(8);
    std::vector<bool> seen(8);
    for (const ChunkResult& result : results) {
      EXPECT_EQ(result.status, absl::OkStatus());
      EXPECT_EQ(result.bytes, 1024);
      seen[result.tag] = true;
    }
    for (uint64_t tag = 0; tag < 8; ++tag) {
      EXPECT_TRUE(seen[tag]);
      EXPECT_TRUE(IsPattern(f.pool.buffer(static_cast<uint32_t>(tag)).first(1024), tag * 1024));
    }
  }
}

TEST(Reader, ReportsTheReadThatCompletedAndNotTheOldest) {
  ReaderFixture f(4096);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 5, .offset_bytes = 0});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1024)).ok());
  ASSERT_TRUE(f.reader.Start(f.Chunk(1, 1024, 1024)).ok());
  EXPECT_EQ(f.Collect(1).at(0).tag, 1);
  EXPECT_EQ(f.Collect(1).at(0).tag, 0);
}

TEST(Reader, SubmitsWhatWasStartedInTheNextWait) {
  ReaderFixture f(4096);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 2});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1024)).ok());
  EXPECT_EQ(f.queue.submitted_in_flight(), 0);
  ChunkResult result;
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration()).value(), 0);
  EXPECT_EQ(f.queue.submitted_in_flight(), 1);
  EXPECT_EQ(f.Collect(1).size(), 1);
}

TEST(Reader, ClearsAnEntryWhenItIsUsedAgain) {
  ReaderFixture f(8192, {}, {.depth = 1, .retry_limit = 2});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 1000});
  f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN, .times = 2});
  f.queue.Inject({.kind = FaultKind::kError, .value = EIO});
  const ChunkResult failed = f.ReadOne(f.Chunk(1, 0, 4096));
  EXPECT_EQ(failed.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(failed.bytes, 1000);
  // With the first read's retries, or its bytes, this one would fail or miss its beginning.
  f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN, .times = 2});
  const ChunkResult result = f.ReadOne(f.Chunk(2, 4096, 4096));
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.tag, 2);
  EXPECT_EQ(result.bytes, 4096);
  EXPECT_TRUE(IsPattern(f.pool.buffer(2).first(4096), 4096));
}

TEST(Reader, ForgetsThatTheEntryWasCancelledBefore) {
  ReaderFixture f(8192, {}, {.depth = 1});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  f.reader.CancelAll();
  EXPECT_EQ(f.Collect(1).at(0).status.code(), absl::StatusCode::kCancelled);
  f.queue.Inject({.kind = FaultKind::kShort, .value = 7});
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 4096)).status, absl::OkStatus());
}

TEST(Reader, ResubmitsTheRestOfAShortRead) {
  ReaderFixture f(10000);
  f.queue.Inject({.kind = FaultKind::kShort, .value = 1000});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 3333});
  const ChunkResult result = f.ReadOne(f.Chunk(0, 500, 9000));
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.bytes, 9000);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(9000), 500));
  ASSERT_EQ(f.queue.reads().size(), 3);
  EXPECT_EQ(f.queue.reads()[1].offset_bytes, 1500);
  EXPECT_EQ(f.queue.reads()[2].offset_bytes, 4833);
  EXPECT_EQ(f.queue.reads()[2].length_bytes, 9000 - 4333);
  EXPECT_EQ(f.reader.counts().resubmitted, 2);
}

TEST(Reader, RestartsAShortDirectReadAtTheLastAlignedBoundary) {
  ReaderFixture f(16384, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const uint32_t alignment = f.volume.support(ReadPath::kRead).offset_alignment_bytes;
  f.queue.Inject({.kind = FaultKind::kShort, .value = alignment + 100});
  const ChunkResult result = f.ReadOne(f.Chunk(0, 4096, 8192));
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.bytes, 8192);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(8192), 4096));
  ASSERT_EQ(f.queue.reads().size(), 2);
  EXPECT_EQ(f.queue.reads()[1].offset_bytes, 4096 + alignment);
  EXPECT_EQ(f.queue.reads()[1].length_bytes, 8192 - alignment);
  EXPECT_EQ(f.queue.reads()[1].destination, f.pool.buffer(0).data() + alignment);
}

TEST(Reader, ReadsTheWholeLastBlockOfAnUnalignedFileAndReportsTheFilesBytes) {
  ReaderFixture f(4096 + 904, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const ChunkResult result = f.ReadOne(f.Chunk(0, 4096, 904));
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.bytes, 904);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(904), 4096));
  ASSERT_EQ(f.queue.reads().size(), 1);
  EXPECT_EQ(f.queue.reads()[0].length_bytes % f.volume.support(ReadPath::kRead).offset_alignment_bytes, 0);
}

TEST(Reader, ReportsATrueEndOfFileWithItsRealLength) {
  for (const ReadPath path : {ReadPath::kPread, ReadPath::kRead}) {
    for (const uint32_t file_bytes : {0u, 1u, 4095u, 4096u, 4097u, 8191u}) {
      SCOPED_TRACE(testing::Message() << ReadPathName(path) << ", file of " << file_bytes << " bytes");
      ReaderFixture f(file_bytes, {.path = path});
      SKIP_WITHOUT_DIRECT_IO(f);
      const ChunkResult result = f.ReadOne(f.Chunk(0, 0, 8192));
      EXPECT_EQ(result.status, absl::OkStatus());
      EXPECT_EQ(result.bytes, file_bytes);
      EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(file_bytes), 0));
      EXPECT_LE(f.queue.reads().size(), 2);
    }
  }
}

TEST(Reader, DoesNotTakeAShortReadForTheEndOfTheFile) {
  ReaderFixture f(16384, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  f.queue.Inject({.kind = FaultKind::kShort, .value = 4096});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 5000});
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 16384)).bytes, 16384);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0), 0));
}

TEST(Reader, TakesTwoReadsThatAgreeForTheEndOfTheFile) {
  ReaderFixture f(16384, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  for (const uint64_t bytes : {300u, 100u, 200u}) f.queue.Inject({.kind = FaultKind::kShort, .value = bytes});
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 16384)).bytes, 16384);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0), 0));
}

TEST(Reader, ReportsWhereTheFileEndsNowWhenItWasTruncatedWhileRead) {
  ReaderFixture f(8192, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  f.queue.Inject({.kind = FaultKind::kShort, .value = 5000});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 8192)).ok());
  ChunkResult result;
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration()).value(), 0);
  f.file.Resize(4900);
  const ChunkResult ended = f.Collect(1).at(0);
  EXPECT_EQ(ended.status, absl::OkStatus());
  EXPECT_EQ(ended.bytes, 4900);
}

TEST(Reader, GivesNoMoreThanTheChunkWhenTheFileHasGrown) {
  ReaderFixture f(5000, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  f.file.Extend(16384);
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 4096, 904)).bytes, 904);
}

TEST(Reader, RetriesWhatTheSystemSaysToRetry) {
  for (const uint64_t error : {EINTR, EAGAIN}) {
    ReaderFixture f(4096, {}, {.depth = 1, .retry_limit = 3});
    f.queue.Inject({.kind = FaultKind::kError, .value = error, .times = 3});
    EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 4096)).status, absl::OkStatus());
    EXPECT_EQ(f.reader.counts().resubmitted, 3);
  }
}

TEST(Reader, GivesUpWithUnavailableAfterTheRetryLimit) {
  ReaderFixture f(4096, {}, {.depth = 1, .retry_limit = 3});
  f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN, .times = 4});
  const absl::Status status = f.ReadOne(f.Chunk(0, 0, 4096)).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoOf(status), EAGAIN);
  EXPECT_NE(RemedyOf(status), "");
  EXPECT_EQ(f.queue.reads().size(), 4);
}

TEST(Reader, CountsRetriesAnewAfterProgress) {
  ReaderFixture f(4096, {}, {.depth = 1, .retry_limit = 1});
  for (int round = 0; round < 3; ++round) {
    f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN});
    f.queue.Inject({.kind = FaultKind::kShort, .value = 100});
  }
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 4096)).status, absl::OkStatus());
}

TEST(Reader, NamesVolumeOffsetAndErrnoOfAnIoErrorAndGoesOnWithTheOthers) {
  ReaderFixture f(16384);
  f.queue.Inject({.kind = FaultKind::kError, .value = EIO, .offset_bytes = 4096});
  for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 4096, 4096)).ok());
  for (const ChunkResult& result : f.Collect(4)) {
    if (result.tag != 1) {
      EXPECT_EQ(result.status, absl::OkStatus());
      continue;
    }
    EXPECT_EQ(result.status.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ErrnoOf(result.status), EIO);
    EXPECT_THAT(CauseOf(result.status), AllOf(HasSubstr(f.file.path()), HasSubstr("offset 4096"), HasSubstr("4096 bytes")));
    EXPECT_THAT(RemedyOf(result.status), HasSubstr("dmesg"));
  }
  EXPECT_EQ(f.reader.counts().completed, 3);
  EXPECT_EQ(f.reader.counts().failed, 1);
}

TEST(Reader, SendsWhatDirectReadsCannotDoToPread) {
  const std::pair<int, absl::StatusCode> rows[] = {{EINVAL, absl::StatusCode::kFailedPrecondition},
                                                   {EOPNOTSUPP, absl::StatusCode::kUnimplemented}};
  for (const auto& [error, code] : rows) {
    ReaderFixture f(4096, kDirect);
    SKIP_WITHOUT_DIRECT_IO(f);
    f.queue.Inject({.kind = FaultKind::kError, .value = static_cast<uint64_t>(error)});
    const absl::Status status = f.ReadOne(f.Chunk(0, 0, 4096)).status;
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(ErrnoOf(status), error);
    EXPECT_EQ(RemedyOf(status), "use path pread");
  }
}

TEST(Reader, RefusesACompletionOfNoReadAndTouchesNone) {
  ReaderFixture f(4096);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 3});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  const uint64_t user_data = f.queue.reads()[0].user_data;
  const uint64_t strangers[] = {0xDEAD'BEEF, user_data + 1, user_data + (uint64_t{1} << 32), user_data - (uint64_t{1} << 32)};
  for (const uint64_t stranger : strangers) f.queue.InjectCompletion({.user_data = stranger, .result = 4096});
  ChunkResult result;
  for (size_t i = 0; i < std::size(strangers); ++i) {
    EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration()).status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(f.reader.in_flight(), 1);
  }
  const ChunkResult finished = f.Collect(1).at(0);
  EXPECT_EQ(finished.status, absl::OkStatus());
  EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(4096), 0));
}

TEST(Reader, RefusesACompletionThatComesTwice) {
  ReaderFixture f(8192, {}, {.depth = 1});
  f.queue.Inject({.kind = FaultKind::kTwice});
  ASSERT_EQ(f.ReadOne(f.Chunk(1, 0, 4096)).tag, 1);
  // The entry is used again, so the second completion must not end this read.
  f.queue.Inject({.kind = FaultKind::kLate, .value = 2});
  ASSERT_TRUE(f.reader.Start(f.Chunk(2, 4096, 4096)).ok());
  EXPECT_EQ(f.WaitForError().code(), absl::StatusCode::kInternal);
  const ChunkResult result = f.Collect(1).at(0);
  EXPECT_EQ(result.tag, 2);
  EXPECT_TRUE(IsPattern(f.pool.buffer(2).first(4096), 4096));
}

TEST(Reader, RefusesASecondCompletionOfTheShortReadBeforeThisOne) {
  ReaderFixture f(8192);
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 8192)).ok());
  const uint64_t first = f.queue.reads()[0].user_data;
  f.queue.InjectCompletion({.user_data = first, .result = 1000});
  f.queue.InjectCompletion({.user_data = first, .result = 8192});
  EXPECT_EQ(f.WaitForError().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(f.reader.in_flight(), 1);
}

TEST(Reader, RefusesACompletionOfAReaderThatIsGone) {
  const TempFile file(4096);
  const Volume volume = file.Open();
  FakeReadQueue queue({});
  std::byte bytes[4096];
  const ChunkRead read{.volume = &volume, .length_bytes = 4096, .destination = absl::MakeSpan(bytes)};
  ChunkResult result;
  {
    Reader gone(queue, {.depth = 1});
    ASSERT_TRUE(gone.Start(read).ok());
    ASSERT_EQ(gone.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value(), 1);
  }
  Reader reader(queue, {.depth = 1});
  queue.Inject({.kind = FaultKind::kLate, .value = 2});
  ASSERT_TRUE(reader.Start(read).ok());
  queue.InjectCompletion({.user_data = queue.reads()[0].user_data, .result = 4096});
  EXPECT_EQ(reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).status().code(), absl::StatusCode::kInternal);
}

TEST(Reader, LosesNoResultToACompletionOfNoRead) {
  ReaderFixture f(4096);
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1024)).ok());
  ASSERT_TRUE(f.reader.Start(f.Chunk(1, 1024, 1024)).ok());
  const std::vector<RawRead> reads = f.queue.reads();
  f.queue.InjectCompletion({.user_data = reads[0].user_data, .result = 1024});
  f.queue.InjectCompletion({.user_data = 12345, .result = 1024});
  f.queue.InjectCompletion({.user_data = reads[1].user_data, .result = 1024});
  ChunkResult results[4];
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(results), absl::ZeroDuration()).value(), 1);
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(results), absl::ZeroDuration()).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(results), absl::ZeroDuration()).value(), 1);
  EXPECT_EQ(results[0].tag, 1);
}

TEST(Reader, KeepsResultsThatTheCallerHasNoRoomFor) {
  ReaderFixture f(8192);
  for (uint64_t tag = 0; tag < 8; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 8; ++i) {
    ChunkResult result;
    ASSERT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value(), 1);
    ++seen[result.tag];
  }
  EXPECT_EQ(seen.size(), 8);
  EXPECT_EQ(f.reader.in_flight(), 0);
}

}  // namespace
}  // namespace penstock
