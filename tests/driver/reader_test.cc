// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"

namespace penstock {
namespace {

using fakes::FakeReadQueue;
using fakes::Fault;
using fakes::FaultKind;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint32_t kBuffer = 16384;
constexpr uint32_t kBuffers = 16;

/// A reader over a faulty queue, a pool of buffers and one file.
class Fixture {
 public:
  explicit Fixture(size_t file_bytes, FakeReadQueue::Options queue_options = {}, Reader::Options options = {.depth = 8})
      : file(file_bytes), volume(file.Open()), queue(queue_options), reader(queue, options) {
    std::fill(pool.memory().begin(), pool.memory().end(), std::byte{0xEE});
  }

  /// Reads into buffer `tag`.
  ChunkRead Chunk(uint64_t tag, uint64_t offset_bytes, uint32_t length_bytes) {
    return {.tag = tag,
            .volume = &volume,
            .offset_bytes = offset_bytes,
            .length_bytes = length_bytes,
            .destination = pool.buffer(static_cast<uint32_t>(tag))};
  }

  /// Results until `count` have come, for at most 10 s.
  std::vector<ChunkResult> Collect(size_t count) {
    std::vector<ChunkResult> all;
    ChunkResult some[4];
    const uint64_t begin_ns = MonotonicNs();
    while (all.size() < count && MonotonicNs() - begin_ns < 10'000'000'000u) {
      const absl::StatusOr<size_t> stored = reader.Wait(absl::MakeSpan(some), absl::Seconds(1));
      EXPECT_EQ(stored.status(), absl::OkStatus());
      if (!stored.ok()) break;
      all.insert(all.end(), some, some + *stored);
    }
    EXPECT_EQ(all.size(), count);
    all.resize(count);
    return all;
  }

  /// The error of a Wait that stores no result.
  absl::Status WaitForError() {
    ChunkResult result;
    absl::StatusOr<size_t> stored = 0;
    while (stored.ok() && *stored == 0) stored = reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration());
    return stored.status();
  }

  ChunkResult ReadOne(const ChunkRead& read) {
    EXPECT_EQ(reader.Start(read), absl::OkStatus());
    return Collect(1).at(0);
  }

  TempFile file;
  Volume volume;
  BufferPool pool = BufferPool::Create({.buffer_bytes = kBuffer, .buffer_count = kBuffers}).value();
  FakeReadQueue queue;
  Reader reader;
};

constexpr FakeReadQueue::Options kDirect{.path = ReadPath::kRead};

#define SKIP_WITHOUT_DIRECT_IO(fixture)                                                     \
  if ((fixture).volume.direct_fd() < 0 || (fixture).volume.offset_alignment_bytes() > 4096) \
  GTEST_SKIP() << "no direct I/O in 4096-byte blocks here. Fix: run in a directory on a disk."

TEST(Reader, PairsCompletionsByUserDataInWhateverOrderTheyCome) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Fixture f(8 * 1024, {.shuffle = true, .seed = seed});
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
  Fixture f(4096);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 5, .offset_bytes = 0});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1024)).ok());
  ASSERT_TRUE(f.reader.Start(f.Chunk(1, 1024, 1024)).ok());
  EXPECT_EQ(f.Collect(1).at(0).tag, 1);
  EXPECT_EQ(f.Collect(1).at(0).tag, 0);
}

TEST(Reader, SubmitsWhatWasStartedInTheNextWait) {
  Fixture f(4096);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 2});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1024)).ok());
  EXPECT_EQ(f.queue.submitted_in_flight(), 0);
  ChunkResult result;
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration()).value(), 0);
  EXPECT_EQ(f.queue.submitted_in_flight(), 1);
  EXPECT_EQ(f.Collect(1).size(), 1);
}

TEST(Reader, ClearsAnEntryWhenItIsUsedAgain) {
  Fixture f(8192, {}, {.depth = 1, .retry_limit = 2});
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
  Fixture f(8192, {}, {.depth = 1});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  f.reader.CancelAll();
  EXPECT_EQ(f.Collect(1).at(0).status.code(), absl::StatusCode::kCancelled);
  f.queue.Inject({.kind = FaultKind::kShort, .value = 7});
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 4096)).status, absl::OkStatus());
}

TEST(Reader, ResubmitsTheRestOfAShortRead) {
  Fixture f(10000);
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
  Fixture f(16384, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const uint32_t alignment = f.volume.offset_alignment_bytes();
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
  Fixture f(4096 + 904, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const ChunkResult result = f.ReadOne(f.Chunk(0, 4096, 904));
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.bytes, 904);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(904), 4096));
  ASSERT_EQ(f.queue.reads().size(), 1);
  EXPECT_EQ(f.queue.reads()[0].length_bytes % f.volume.offset_alignment_bytes(), 0);
}

TEST(Reader, ReportsATrueEndOfFileWithItsRealLength) {
  for (const ReadPath path : {ReadPath::kPread, ReadPath::kRead}) {
    for (const uint32_t file_bytes : {0u, 1u, 4095u, 4096u, 4097u, 8191u}) {
      SCOPED_TRACE(testing::Message() << ReadPathName(path) << ", file of " << file_bytes << " bytes");
      Fixture f(file_bytes, {.path = path});
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
  Fixture f(16384, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  f.queue.Inject({.kind = FaultKind::kShort, .value = 4096});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 5000});
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 16384)).bytes, 16384);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0), 0));
}

TEST(Reader, TakesTwoReadsThatAgreeForTheEndOfTheFile) {
  Fixture f(16384, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  for (const uint64_t bytes : {300u, 100u, 200u}) f.queue.Inject({.kind = FaultKind::kShort, .value = bytes});
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 16384)).bytes, 16384);
  EXPECT_TRUE(IsPattern(f.pool.buffer(0), 0));
}

TEST(Reader, ReportsWhereTheFileEndsNowWhenItWasTruncatedWhileRead) {
  Fixture f(8192, kDirect);
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
  Fixture f(5000, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  f.file.Extend(16384);
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 4096, 904)).bytes, 904);
}

TEST(Reader, RetriesWhatTheSystemSaysToRetry) {
  for (const uint64_t error : {EINTR, EAGAIN}) {
    Fixture f(4096, {}, {.depth = 1, .retry_limit = 3});
    f.queue.Inject({.kind = FaultKind::kError, .value = error, .times = 3});
    EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 4096)).status, absl::OkStatus());
    EXPECT_EQ(f.reader.counts().resubmitted, 3);
  }
}

TEST(Reader, GivesUpWithUnavailableAfterTheRetryLimit) {
  Fixture f(4096, {}, {.depth = 1, .retry_limit = 3});
  f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN, .times = 4});
  const absl::Status status = f.ReadOne(f.Chunk(0, 0, 4096)).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrnoOf(status), EAGAIN);
  EXPECT_NE(RemedyOf(status), "");
  EXPECT_EQ(f.queue.reads().size(), 4);
}

TEST(Reader, CountsRetriesAnewAfterProgress) {
  Fixture f(4096, {}, {.depth = 1, .retry_limit = 1});
  for (int round = 0; round < 3; ++round) {
    f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN});
    f.queue.Inject({.kind = FaultKind::kShort, .value = 100});
  }
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 4096)).status, absl::OkStatus());
}

TEST(Reader, NamesVolumeOffsetAndErrnoOfAnIoErrorAndGoesOnWithTheOthers) {
  Fixture f(16384);
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
    Fixture f(4096, kDirect);
    SKIP_WITHOUT_DIRECT_IO(f);
    f.queue.Inject({.kind = FaultKind::kError, .value = static_cast<uint64_t>(error)});
    const absl::Status status = f.ReadOne(f.Chunk(0, 0, 4096)).status;
    EXPECT_EQ(status.code(), code);
    EXPECT_EQ(ErrnoOf(status), error);
    EXPECT_EQ(RemedyOf(status), "use --path=pread");
  }
}

TEST(Reader, RefusesACompletionOfNoReadAndTouchesNone) {
  Fixture f(4096);
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
  Fixture f(8192, {}, {.depth = 1});
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
  Fixture f(8192);
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
  Fixture f(4096);
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
  Fixture f(8192);
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

TEST(Reader, CancelsAnOverdueReadAndSaysDeadlineExceeded) {
  Fixture f(8192, {}, {.depth = 2, .read_timeout = absl::Milliseconds(20)});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 4096});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  ASSERT_TRUE(f.reader.Start(f.Chunk(1, 4096, 4096)).ok());
  const std::vector<ChunkResult> results = f.Collect(2);
  EXPECT_EQ(results[0].status, absl::OkStatus());
  EXPECT_EQ(results[1].tag, 1);
  EXPECT_EQ(results[1].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(RemedyOf(results[1].status), HasSubstr("read_timeout"));
  EXPECT_GE(results[1].latency_ns, 20'000'000u);
  EXPECT_EQ(f.queue.cancel_count(), 1);
}

TEST(Reader, NeverTakesALateReadForACompleteOne) {
  Fixture f(8192, {}, {.depth = 1, .read_timeout = absl::Milliseconds(5)});
  f.queue.Inject({.kind = FaultKind::kLate, .value = 50});  // Wait sleeps 1 ms each time; cancelling does not help.
  const ChunkResult result = f.ReadOne(f.Chunk(0, 0, 4096));
  EXPECT_EQ(result.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(result.bytes, 4096);
}

TEST(Reader, CancelsEachOverdueReadOfSeveralStartedAtDifferentTimes) {
  Fixture f(8192, {}, {.depth = 8, .read_timeout = absl::Milliseconds(20)});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .times = 3});
  for (uint64_t tag = 0; tag < 3; ++tag) {
    ASSERT_TRUE(f.reader.Start(f.Chunk(tag, 0, 4096)).ok());
    ChunkResult result;
    EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::Milliseconds(2)).value(), 0);
  }
  for (const ChunkResult& result : f.Collect(3)) EXPECT_EQ(result.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(f.queue.cancel_count(), 3);
}

TEST(Reader, BringsEveryCancelledReadOutOfWaitOnce) {
  Fixture f(8192);
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 1024});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 10, .offset_bytes = 2048});
  for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  f.reader.CancelAll();
  f.reader.CancelAll();
  EXPECT_EQ(f.queue.cancel_count(), 4);
  std::map<uint64_t, absl::StatusCode> codes;
  for (const ChunkResult& result : f.Collect(4)) EXPECT_TRUE(codes.emplace(result.tag, result.status.code()).second);
  EXPECT_EQ(codes[0], absl::StatusCode::kOk);
  EXPECT_EQ(codes[1], absl::StatusCode::kCancelled);
  EXPECT_EQ(codes[2], absl::StatusCode::kCancelled);  // Not resubmitted.
  EXPECT_EQ(codes[3], absl::StatusCode::kOk);
  EXPECT_EQ(f.reader.in_flight(), 0);
}

TEST(Reader, KeepsReadsThatTheQueueHasNoRoomForAndQueuesThemLater) {
  Fixture f(8192);
  f.queue.RefuseNext(3);
  for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  EXPECT_EQ(f.queue.in_flight(), 1);
  EXPECT_EQ(f.reader.in_flight(), 4);
  EXPECT_EQ(f.Collect(4).size(), 4);
  for (uint32_t tag = 0; tag < 4; ++tag) EXPECT_TRUE(IsPattern(f.pool.buffer(tag).first(1024), tag * 1024));
}

TEST(Reader, EndsKeptReadsThatAreCancelledWithoutAskingTheQueue) {
  Fixture f(8192);
  f.queue.RefuseNext(6);
  for (uint64_t tag = 0; tag < 6; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  f.reader.CancelAll();
  for (const ChunkResult& result : f.Collect(6)) EXPECT_EQ(result.status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(f.queue.reads().size(), 0);
  EXPECT_EQ(f.reader.in_flight(), 0);
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 1024)).status, absl::OkStatus());
}

TEST(Reader, PassesAFailedSubmitOnAndLosesNothing) {
  Fixture f(4096);
  f.queue.FailNextSubmits(2);
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  EXPECT_EQ(f.WaitForError().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(f.WaitForError().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(f.Collect(1).at(0).status, absl::OkStatus());
}

TEST(Reader, ReturnsNothingFromAnInterruptedWait) {
  Fixture f(4096);
  f.queue.InterruptNextWait();
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  ChunkResult result;
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value(), 0);
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value(), 1);
}

TEST(Reader, DrainsUntilNoByteCanBeWrittenAnyMore) {
  Fixture f(8192);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 5, .times = 3});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled});
  for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  EXPECT_EQ(f.reader.Drain(absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(f.reader.in_flight(), 0);
  EXPECT_EQ(f.queue.in_flight(), 0);
}

TEST(Reader, DrainsInSpiteOfErrorsOfTheQueue) {
  Fixture f(8192);
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1024)).ok());
  f.queue.FailNextSubmits(2);
  f.queue.InjectCompletion({.user_data = 12345, .result = 1});
  EXPECT_EQ(f.reader.Drain(absl::Seconds(5)), absl::OkStatus());
}

TEST(Reader, SaysWhenMemoryMustNotBeFreed) {
  const TempFile file(4096);
  const Volume volume = file.Open();
  FakeReadQueue queue({});
  queue.Inject({.kind = FaultKind::kLate, .value = 100});
  std::byte bytes[4096];
  Reader reader(queue, {.depth = 1});
  ASSERT_TRUE(reader.Start({.volume = &volume, .length_bytes = 4096, .destination = absl::MakeSpan(bytes)}).ok());
  const absl::Status status = reader.Drain(absl::Milliseconds(10));
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(RemedyOf(status), HasSubstr("keep their memory"));
  EXPECT_EQ(reader.in_flight(), 1);
  EXPECT_EQ(reader.Drain(absl::Seconds(5)), absl::OkStatus());
}

TEST(Reader, DrainsReadsInFlightWhenItIsDestroyed) {
  const TempFile file(4096);
  const Volume volume = file.Open();
  FakeReadQueue queue({});
  queue.Inject({.kind = FaultKind::kLate, .value = 20});
  auto memory = std::make_unique<std::byte[]>(4096);
  {
    Reader reader(queue, {.depth = 1});
    ASSERT_TRUE(reader.Start({.volume = &volume, .length_bytes = 4096, .destination = {memory.get(), 4096}}).ok());
  }
  EXPECT_EQ(queue.in_flight(), 0);  // Freeing the memory under a read in flight is what went wrong before.
}

TEST(Reader, RefusesMoreReadsThanItsDepth) {
  Fixture f(8192, {}, {.depth = 2});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1)).ok());
  EXPECT_TRUE(f.reader.HasRoom());
  ASSERT_TRUE(f.reader.Start(f.Chunk(1, 1, 1)).ok());
  EXPECT_FALSE(f.reader.HasRoom());
  EXPECT_EQ(f.reader.Start(f.Chunk(2, 2, 1)).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(f.queue.reads().size(), 2);
}

TEST(Reader, RefusesAWrongReadBeforeAnythingIsQueued) {
  Fixture f(8192);
  ChunkRead small = f.Chunk(0, 0, 100);
  small.destination = small.destination.first(99);
  for (const ChunkRead& read : {f.Chunk(0, 0, 0), f.Chunk(0, INT64_MAX, 100), small}) {
    const absl::Status status = f.reader.Start(read);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(RemedyOf(status), "");
  }
  EXPECT_EQ(f.queue.reads().size(), 0);
  EXPECT_EQ(f.reader.in_flight(), 0);
}

TEST(Reader, RefusesAMisalignedDirectReadBeforeAnythingIsQueued) {
  Fixture f(8192, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const uint32_t alignment = f.volume.offset_alignment_bytes();
  ChunkRead tail = f.Chunk(0, 0, alignment + 1);
  tail.destination = tail.destination.first(alignment + 1);  // Without room for the rest of the block.
  ChunkRead shifted = f.Chunk(0, 0, alignment);
  shifted.destination.remove_prefix(1);
  for (const ChunkRead& read : {f.Chunk(0, 1, alignment), tail, shifted}) {
    EXPECT_EQ(f.reader.Start(read).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(f.queue.reads().size(), 0);
}

TEST(Reader, RefusesADirectReadOfAVolumeThatHasNone) {
  if (access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm. Fix: mount a tmpfs there.";
  Fixture f(8192, kDirect);
  const TempFile file(4096, "/dev/shm");
  const Volume volume = file.Open();
  ChunkRead read = f.Chunk(0, 0, 4096);
  read.volume = &volume;
  const absl::Status status = f.reader.Start(read);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(RemedyOf(status), HasSubstr("--path=pread"));
}

TEST(ReaderDeathTest, RefusesADepthThatTheQueueDoesNotHave) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  FakeReadQueue queue({.capacity = 4});
  EXPECT_DEATH(Reader(queue, {.depth = 5}), "depth");
}

/// Everything at once: each chunk must come out once, with the file's bytes or with an error that the script explains.
TEST(Reader, BringsEveryChunkOutOnceWhateverTheQueueDoes) {
  constexpr uint32_t kChunks = 200;
  for (const ReadPath path : {ReadPath::kPread, ReadPath::kRead}) {
    const uint32_t seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << ReadPathName(path) << ", seed " << seed);
    std::mt19937 random(seed);
    Fixture f(kChunks * 4096 - 1000, {.path = path, .shuffle = true, .seed = seed},
              {.depth = kBuffers, .read_timeout = absl::Milliseconds(50), .retry_limit = 2});
    SKIP_WITHOUT_DIRECT_IO(f);
    const FaultKind kinds[] = {FaultKind::kShort, FaultKind::kLate, FaultKind::kError, FaultKind::kError,
                               FaultKind::kStuckUntilCancelled};
    for (int i = 0; i < 100; ++i) {
      const uint64_t values[] = {1 + random() % 4096, 2 + random() % 10, EIO, EAGAIN, 0};
      const size_t kind = random() % std::size(kinds);
      f.queue.Inject({.kind = kinds[kind], .value = values[kind], .offset_bytes = random() % kChunks * 4096});
    }
    std::vector<int> seen(kChunks);
    std::vector<uint32_t> free_buffers;
    for (uint32_t i = 0; i < kBuffers; ++i) free_buffers.push_back(i);
    ChunkResult results[5];
    const uint64_t begin_ns = MonotonicNs();
    for (uint32_t next = 0, ended = 0; ended < kChunks;) {
      ASSERT_LT(MonotonicNs() - begin_ns, 30'000'000'000u);
      if (random() % 8 == 0) f.queue.RefuseNext(1);
      if (random() % 8 == 0) f.queue.InterruptNextWait();
      for (; next < kChunks && f.reader.HasRoom(); ++next, free_buffers.pop_back()) {
        ChunkRead read = f.Chunk(free_buffers.back(), next * 4096, 4096);
        read.tag = uint64_t{next} << 8 | free_buffers.back();
        ASSERT_EQ(f.reader.Start(read), absl::OkStatus());
      }
      const size_t stored = f.reader.Wait(absl::MakeSpan(results), absl::Milliseconds(10)).value();
      for (const ChunkResult& result : absl::MakeSpan(results, stored)) {
        const auto chunk = static_cast<uint32_t>(result.tag >> 8);
        const auto buffer = static_cast<uint32_t>(result.tag & 0xFF);
        ++seen[chunk];
        if (result.status.ok()) {
          EXPECT_EQ(result.bytes, chunk == kChunks - 1 ? 3096 : 4096);
        } else {
          EXPECT_THAT(result.status.code(), testing::AnyOf(absl::StatusCode::kDataLoss, absl::StatusCode::kDeadlineExceeded,
                                                           absl::StatusCode::kUnavailable));
        }
        EXPECT_TRUE(IsPattern(f.pool.buffer(buffer).first(result.bytes), chunk * 4096)) << "chunk " << chunk;
        free_buffers.push_back(buffer);
        ++ended;
      }
    }
    EXPECT_THAT(seen, testing::Each(1));
    EXPECT_EQ(f.queue.in_flight(), 0);
  }
}

}  // namespace
}  // namespace penstock
