// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The life of a read: deadlines, cancelling, draining, what is refused before it begins, and everything at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <vector>

#include "penstock/error.h"
#include "tests/driver/reader_fixture.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

TEST(Reader, CancelsAnOverdueReadAndSaysDeadlineExceeded) {
  ReaderFixture f(8192, {}, {.depth = 2, .read_timeout = absl::Milliseconds(20)});
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
  ReaderFixture f(8192, {}, {.depth = 1, .read_timeout = absl::Milliseconds(5)});
  f.queue.Inject({.kind = FaultKind::kLate, .value = 50});  // Wait sleeps 1 ms each time; cancelling does not help.
  const ChunkResult result = f.ReadOne(f.Chunk(0, 0, 4096));
  EXPECT_EQ(result.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(result.bytes, 4096);
}

TEST(Reader, CancelsEachOverdueReadOfSeveralStartedAtDifferentTimes) {
  ReaderFixture f(8192, {}, {.depth = 8, .read_timeout = absl::Milliseconds(20)});
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
  ReaderFixture f(8192);
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
  ReaderFixture f(8192);
  f.queue.RefuseNext(3);
  for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  EXPECT_EQ(f.queue.in_flight(), 1);
  EXPECT_EQ(f.reader.in_flight(), 4);
  EXPECT_EQ(f.Collect(4).size(), 4);
  for (uint32_t tag = 0; tag < 4; ++tag) EXPECT_TRUE(IsPattern(f.pool.buffer(tag).first(1024), tag * 1024));
}

TEST(Reader, EndsKeptReadsThatAreCancelledWithoutAskingTheQueue) {
  ReaderFixture f(8192);
  f.queue.RefuseNext(6);
  for (uint64_t tag = 0; tag < 6; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  f.reader.CancelAll();
  for (const ChunkResult& result : f.Collect(6)) EXPECT_EQ(result.status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(f.queue.reads().size(), 0);
  EXPECT_EQ(f.reader.in_flight(), 0);
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, 1024)).status, absl::OkStatus());
}

TEST(Reader, PassesAFailedSubmitOnAndLosesNothing) {
  ReaderFixture f(4096);
  f.queue.FailNextSubmits(2);
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  EXPECT_EQ(f.WaitForError().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(f.WaitForError().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(f.Collect(1).at(0).status, absl::OkStatus());
}

TEST(Reader, ReturnsNothingFromAnInterruptedWait) {
  ReaderFixture f(4096);
  f.queue.InterruptNextWait();
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 4096)).ok());
  ChunkResult result;
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value(), 0);
  EXPECT_EQ(f.reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value(), 1);
}

TEST(Reader, DrainsUntilNoByteCanBeWrittenAnyMore) {
  ReaderFixture f(8192);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 5, .times = 3});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled});
  for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_TRUE(f.reader.Start(f.Chunk(tag, tag * 1024, 1024)).ok());
  EXPECT_EQ(f.reader.Drain(absl::Seconds(5)), absl::OkStatus());
  EXPECT_EQ(f.reader.in_flight(), 0);
  EXPECT_EQ(f.queue.in_flight(), 0);
}

TEST(Reader, DrainsInSpiteOfErrorsOfTheQueue) {
  ReaderFixture f(8192);
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
  ReaderFixture f(8192, {}, {.depth = 2});
  ASSERT_TRUE(f.reader.Start(f.Chunk(0, 0, 1)).ok());
  EXPECT_TRUE(f.reader.HasRoom());
  ASSERT_TRUE(f.reader.Start(f.Chunk(1, 1, 1)).ok());
  EXPECT_FALSE(f.reader.HasRoom());
  EXPECT_EQ(f.reader.Start(f.Chunk(2, 2, 1)).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(f.queue.reads().size(), 2);
}

TEST(Reader, RefusesAWrongReadBeforeAnythingIsQueued) {
  ReaderFixture f(8192);
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
  ReaderFixture f(8192, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const uint32_t alignment = f.volume.support(ReadPath::kRead).offset_alignment_bytes;
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
  ReaderFixture f(8192, kDirect);
  const TempFile file(4096, "/dev/shm");
  const Volume volume = file.Open();
  ChunkRead read = f.Chunk(0, 0, 4096);
  read.volume = &volume;
  const absl::Status status = f.reader.Start(read);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(RemedyOf(status), HasSubstr("path pread"));
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
    ReaderFixture f(kChunks * 4096 - 1000, {.path = path, .shuffle = true, .seed = seed},
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
