// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A read of path read that failed may have suffered for its neighbours, with which the block layer merged it: it is tried alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "penstock/error.h"
#include "tests/driver/reader_fixture.h"

namespace penstock {
namespace {

constexpr uint32_t kChunk = 4096;

void StartAll(ReaderFixture& f, uint64_t count) {
  for (uint64_t tag = 0; tag < count; ++tag) ASSERT_EQ(f.reader.Start(f.Chunk(tag, tag * kChunk, kChunk)), absl::OkStatus());
}

void FailOnce(ReaderFixture& f, uint64_t tag, uint64_t error = EIO) {
  f.queue.Inject({.kind = FaultKind::kError, .value = error, .offset_bytes = tag * kChunk});
}

TEST(ReaderAlone, FailsOnlyTheReadWhoseOwnBytesAreBad) {
  ReaderFixture f(8 * kChunk, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  for (const uint64_t tag : {2, 3, 4}) FailOnce(f, tag);  // one command of three reads
  FailOnce(f, 3);
  StartAll(f, 8);
  for (const ChunkResult& result : f.Collect(8)) {
    if (result.tag == 3) {
      EXPECT_EQ(result.status.code(), absl::StatusCode::kDataLoss);
      EXPECT_EQ(ErrnoOf(result.status), EIO);
    } else {
      EXPECT_EQ(result.status, absl::OkStatus());
      EXPECT_TRUE(IsPattern(f.pool.buffer(static_cast<uint32_t>(result.tag)).first(kChunk), result.tag * kChunk));
    }
  }
  EXPECT_EQ(f.queue.reads().size(), 8u + 3u);
  EXPECT_EQ(f.reader.counts().resubmitted, 3u);
  EXPECT_EQ(f.reader.counts().completed, 7u);
  EXPECT_EQ(f.reader.counts().failed, 1u);
}

TEST(ReaderAlone, WaitsForTheOthersAndNewOnesWaitForIt) {
  ReaderFixture f(8 * kChunk, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  FailOnce(f, 0);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 3, .offset_bytes = 1 * kChunk});
  StartAll(f, 2);
  ChunkResult results[4];
  ASSERT_EQ(f.reader.Wait(absl::MakeSpan(results), absl::ZeroDuration()).value(), 0u);
  ASSERT_EQ(f.reader.Start(f.Chunk(2, 2 * kChunk, kChunk)), absl::OkStatus());
  EXPECT_EQ(f.queue.reads().size(), 2u) << "the failed read waits for the late one, and the new one for the failed one";
  ASSERT_EQ(f.Collect(1).at(0).tag, 1u);
  f.queue.Inject({.kind = FaultKind::kLate, .value = 3, .offset_bytes = 0});
  ASSERT_EQ(f.reader.Wait(absl::MakeSpan(results), absl::ZeroDuration()).value(), 0u);
  ASSERT_EQ(f.queue.reads().size(), 3u);
  EXPECT_EQ(f.queue.reads().back().offset_bytes, 0u);
  EXPECT_EQ(f.queue.in_flight(), 1u);
  EXPECT_EQ(f.Collect(1).at(0).tag, 0u);
  EXPECT_EQ(f.Collect(1).at(0).tag, 2u);
}

TEST(ReaderAlone, IsForTroubleWithBytesOnTheDeviceOnly) {
  for (const int error : {EIO, ENODATA, EILSEQ}) {
    ReaderFixture f(kChunk, kDirect);
    SKIP_WITHOUT_DIRECT_IO(f);
    FailOnce(f, 0, static_cast<uint64_t>(error));
    EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, kChunk)).status, absl::OkStatus()) << error;
  }
  for (const int error : {ENODEV, EFAULT, EINVAL}) {
    ReaderFixture f(kChunk, kDirect);
    FailOnce(f, 0, static_cast<uint64_t>(error));
    EXPECT_EQ(ErrnoOf(f.ReadOne(f.Chunk(0, 0, kChunk)).status), error);
    EXPECT_EQ(f.queue.reads().size(), 1u);
  }
}

TEST(ReaderAlone, EndsWhenItIsGivenUpWhileItWaits) {
  ReaderFixture f(8 * kChunk, kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  FailOnce(f, 0);
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 1 * kChunk});
  StartAll(f, 2);
  ChunkResult results[4];
  ASSERT_EQ(f.reader.Wait(absl::MakeSpan(results), absl::ZeroDuration()).value(), 0u);
  f.reader.CancelAll();
  for (const ChunkResult& result : f.Collect(2)) EXPECT_EQ(result.status.code(), absl::StatusCode::kCancelled);
  StartAll(f, 2);  // Nothing is held back for a read that is over.
  EXPECT_EQ(f.queue.in_flight(), 2u);
  for (const ChunkResult& result : f.Collect(2)) EXPECT_EQ(result.status, absl::OkStatus());
}

/// It was cancelled when it was given up: a second raw read of it would be in flight for as long as it likes.
TEST(ReaderAlone, IsNotTriedForAReadThatIsGivenUp) {
  for (const bool asked : {false, true}) {
    ReaderFixture f(8 * kChunk, kDirect, {.depth = 8, .read_timeout = asked ? absl::Seconds(30) : absl::Milliseconds(20)});
    SKIP_WITHOUT_DIRECT_IO(f);
    f.queue.Inject({.kind = FaultKind::kHeldError, .value = EIO});
    f.queue.Inject({.kind = FaultKind::kStuckForEver});
    StartAll(f, 1);
    ChunkResult result;
    const auto wait = [&] { return f.reader.Wait(absl::MakeSpan(&result, 1), absl::Milliseconds(1)).value(); };
    ASSERT_EQ(wait(), 0u);
    if (asked) f.reader.CancelAll();
    while (f.queue.cancel_count() == 0) ASSERT_EQ(wait(), 0u);
    f.queue.Release();
    ASSERT_EQ(wait(), 1u);
    EXPECT_EQ(ErrnoOf(result.status), EIO);
    EXPECT_EQ(f.queue.reads().size(), 1u);
    EXPECT_EQ(f.reader.Drain(absl::Milliseconds(10)), absl::OkStatus());
  }
}

TEST(ReaderAlone, IsNotTriedOnPathsWithoutABlockLayerBetween) {
  ReaderFixture f(8 * kChunk);
  FailOnce(f, 0);
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 0, kChunk)).status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(f.queue.reads().size(), 1u);
}

}  // namespace
}  // namespace penstock
