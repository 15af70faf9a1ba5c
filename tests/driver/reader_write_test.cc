// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes by a Reader: what is refused before anything is queued, short writes, errors, and what the file has afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "penstock/error.h"
#include "tests/driver/reader_fixture.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::byte kNew{0x3C};
constexpr uint32_t kFileBytes = 65536;

/// A file with the pattern, opened for writing, and buffers full of one byte that the pattern's places do not all have.
class WriterFixture : public ReaderFixture {
 public:
  explicit WriterFixture(FakeReadQueue::Options queue_options = {}, Reader::Options options = {.depth = 8})
      : ReaderFixture(kFileBytes, queue_options, options) {
    volume = Volume::OpenForWriting(file.path()).value();
    std::fill(pool.memory().begin(), pool.memory().end(), kNew);
  }

  ChunkRead Write(uint64_t tag, uint64_t offset_bytes, uint32_t length_bytes) {
    ChunkRead write = Chunk(tag, offset_bytes, length_bytes);
    write.direction = Direction::kWrite;
    return write;
  }
  ChunkResult WriteOne(uint64_t offset_bytes, uint32_t length_bytes) { return ReadOne(Write(0, offset_bytes, length_bytes)); }

  /// The file is the pattern with new bytes in just this place, and as long as before.
  void ExpectWritten(uint64_t offset_bytes, uint64_t length_bytes) {
    std::vector<std::byte> expected = Pattern(0, kFileBytes);
    std::fill_n(expected.begin() + static_cast<ptrdiff_t>(offset_bytes), length_bytes, kNew);
    const std::vector<std::byte> bytes = file.Bytes();
    ASSERT_EQ(bytes.size(), kFileBytes);
    const auto differs = std::mismatch(bytes.begin(), bytes.end(), expected.begin());
    EXPECT_TRUE(differs.first == bytes.end()) << "at " << differs.first - bytes.begin();
  }
};

TEST(Writer, PutsJustTheBytesThatItIsGivenOntoTheVolume) {
  WriterFixture f;
  const ChunkResult result = f.WriteOne(1001, 5003);
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.bytes, 5003u);
  f.ExpectWritten(1001, 5003);
  EXPECT_EQ(f.queue.reads().at(0).direction, Direction::kWrite);
}

TEST(Writer, LeavesItsMemoryAsItIs) {
  WriterFixture f;
  ASSERT_EQ(f.WriteOne(0, 4096).status, absl::OkStatus());
  const absl::Span<const std::byte> memory = f.pool.memory();
  EXPECT_EQ(std::count(memory.begin(), memory.end(), kNew), static_cast<ptrdiff_t>(memory.size()));
}

TEST(Writer, NeverWritesWhatWasOpenedToRead) {
  WriterFixture f;
  f.volume = f.file.Open();
  EXPECT_FALSE(f.volume.writable());
  const absl::Status status = f.reader.Start(f.Write(0, 0, 4096));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), HasSubstr("opened for reading only"));
  EXPECT_THAT(RemedyOf(status), HasSubstr("OpenForWriting"));
  EXPECT_TRUE(f.queue.reads().empty());
  f.ExpectWritten(0, 0);
}

TEST(Writer, IsReadFromAsAnyVolume) {
  WriterFixture f;
  EXPECT_TRUE(f.volume.writable());
  EXPECT_EQ(f.ReadOne(f.Chunk(0, 4096, 4096)).status, absl::OkStatus());
  EXPECT_TRUE(IsPattern(f.pool.buffer(0).first(4096), 4096));
}

TEST(Writer, RefusesAPartOfABlock) {
  WriterFixture f(kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const uint32_t alignment = f.volume.support(ReadPath::kRead).offset_alignment_bytes;
  if (alignment == 1) GTEST_SKIP() << "direct I/O by single bytes here. Fix: run in a directory on a disk.";
  for (const ChunkRead& write : {f.Write(0, 0, alignment - 1), f.Write(0, 0, alignment + 1), f.Write(0, 1, alignment)}) {
    const absl::Status status = f.reader.Start(write);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(RemedyOf(status), HasSubstr("pread"));
  }
  EXPECT_EQ(f.WriteOne(alignment, 2 * alignment).status, absl::OkStatus());
  f.ExpectWritten(alignment, 2 * alignment);
}

TEST(Writer, MakesNothingLonger) {
  WriterFixture f;
  for (const auto& [offset, length] : {std::pair<uint64_t, uint32_t>{kFileBytes - 1, 2}, {kFileBytes, 1}, {1u << 30, 4096}}) {
    const absl::Status status = f.reader.Start(f.Write(0, offset, length));
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("writing"), HasSubstr("past its end, which is byte 65536")));
  }
  EXPECT_EQ(f.WriteOne(kFileBytes - 1, 1).status, absl::OkStatus());
  f.ExpectWritten(kFileBytes - 1, 1);
}

TEST(Writer, DoesNotMakeAFileAsLongAgainAsItWasWhenItWasOpened) {
  WriterFixture f;
  f.file.Resize(1000);
  EXPECT_EQ(f.reader.Start(f.Write(0, 900, 101)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(f.WriteOne(900, 100).status, absl::OkStatus());
  EXPECT_EQ(f.file.Bytes().size(), 1000u);
}

TEST(Writer, DoesNotWriteWhereAFileHasGrown) {
  WriterFixture f;
  f.file.Extend(kFileBytes + 1);
  EXPECT_EQ(f.reader.Start(f.Write(0, kFileBytes, 1)).code(), absl::StatusCode::kOutOfRange);
}

TEST(Writer, GoesOnWhereAShortWriteEnded) {
  WriterFixture f;
  f.queue.Inject({.kind = FaultKind::kShort, .value = 1000});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 1});
  const ChunkResult result = f.WriteOne(100, 5000);
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.bytes, 5000u);
  f.ExpectWritten(100, 5000);
  ASSERT_EQ(f.queue.reads().size(), 3u);
  EXPECT_EQ(f.queue.reads()[1].offset_bytes, 1100u);
  EXPECT_EQ(f.queue.reads()[2].offset_bytes, 1101u);
  EXPECT_EQ(f.queue.reads()[2].length_bytes, 3999u);
  EXPECT_EQ(f.queue.reads()[2].destination, f.pool.buffer(0).data() + 1001);
  EXPECT_EQ(f.queue.reads()[2].direction, Direction::kWrite);
  EXPECT_EQ(f.reader.counts().resubmitted, 2u);
}

/// What ended inside a block is written again from that block's start: only the chunk's own bytes.
TEST(Writer, GoesOnAtTheStartOfTheBlockInWhichADirectWriteEnded) {
  WriterFixture f(kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  const uint32_t alignment = f.volume.support(ReadPath::kRead).offset_alignment_bytes;
  f.queue.Inject({.kind = FaultKind::kShort, .value = alignment + alignment / 2});
  EXPECT_EQ(f.WriteOne(0, 4 * alignment).status, absl::OkStatus());
  ASSERT_EQ(f.queue.reads().size(), 2u);
  EXPECT_EQ(f.queue.reads()[1].offset_bytes, alignment == 1 ? 1 : alignment);
  f.ExpectWritten(0, 4 * alignment);
}

TEST(Writer, EndsWhereAWriteBringsNothing) {
  WriterFixture f;
  f.queue.Inject({.kind = FaultKind::kShort, .value = 1000});
  f.queue.Inject({.kind = FaultKind::kShort, .value = 0});
  const ChunkResult result = f.WriteOne(100, 5000);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(result.status), HasSubstr("writing 5000 bytes at offset 100 of " + f.file.path() + " stopped after 1000"));
  EXPECT_EQ(result.bytes, 1000u);
  f.ExpectWritten(100, 1000);
  EXPECT_EQ(f.reader.counts().failed, 1u);
}

TEST(Writer, TriesAgainWhatTheSystemSaysToTryAgain) {
  WriterFixture f;
  f.queue.Inject({.kind = FaultKind::kError, .value = EINTR});
  f.queue.Inject({.kind = FaultKind::kError, .value = EAGAIN});
  EXPECT_EQ(f.WriteOne(0, 4096).status, absl::OkStatus());
  f.ExpectWritten(0, 4096);
}

TEST(Writer, TriesAgainWhatTheControllerLetsPass) {
  WriterFixture f({}, {.depth = 8, .nvme_retry_limit = 3});
  f.queue.Inject({.kind = FaultKind::kNvmeStatus, .value = 0x280, .times = 3});
  EXPECT_EQ(f.WriteOne(0, 4096).status, absl::OkStatus());
  EXPECT_EQ(f.reader.counts().resubmitted, 3u);
  f.queue.Inject({.kind = FaultKind::kNvmeStatus, .value = 0x4280});
  const absl::Status status = f.WriteOne(8192, 4096).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("writing 4096 bytes at offset 8192"), HasSubstr("Write Fault")));
  f.ExpectWritten(0, 4096);
}

struct ErrorOfAWrite {
  int error_number;
  absl::StatusCode code;
  std::string remedy;
};

class WriterError : public testing::TestWithParam<ErrorOfAWrite> {};

TEST_P(WriterError, SaysWhatIsToBeDone) {
  WriterFixture f({}, {.depth = 8, .retry_limit = 0});
  f.queue.Inject({.kind = FaultKind::kError, .value = static_cast<uint64_t>(GetParam().error_number), .times = 2});
  const ChunkResult result = f.WriteOne(4096, 512);
  EXPECT_EQ(result.status.code(), GetParam().code) << result.status;
  EXPECT_EQ(ErrnoOf(result.status), GetParam().error_number);
  EXPECT_THAT(CauseOf(result.status),
              HasSubstr("writing 512 bytes at offset 4096 of " + f.file.path() + " by path pread failed"));
  EXPECT_THAT(RemedyOf(result.status), HasSubstr(GetParam().remedy));
  f.ExpectWritten(0, 0);
}

INSTANTIATE_TEST_SUITE_P(Errors, WriterError,
                         testing::Values(ErrorOfAWrite{ENOSPC, absl::StatusCode::kFailedPrecondition, "free space"},
                                         ErrorOfAWrite{EDQUOT, absl::StatusCode::kFailedPrecondition, "free space"},
                                         ErrorOfAWrite{EFBIG, absl::StatusCode::kOutOfRange, "limit of a file"},
                                         ErrorOfAWrite{EROFS, absl::StatusCode::kFailedPrecondition, "writable"},
                                         ErrorOfAWrite{ETXTBSY, absl::StatusCode::kFailedPrecondition, "swapoff"},
                                         ErrorOfAWrite{EBADF, absl::StatusCode::kFailedPrecondition,
                                                       "open the volume for writing"},
                                         ErrorOfAWrite{EPERM, absl::StatusCode::kPermissionDenied, "write access"},
                                         ErrorOfAWrite{EFAULT, absl::StatusCode::kInvalidArgument, "write out of one buffer"},
                                         ErrorOfAWrite{EIO, absl::StatusCode::kDataLoss, "not known"},
                                         ErrorOfAWrite{ENODEV, absl::StatusCode::kUnavailable, "open it again"},
                                         ErrorOfAWrite{EAGAIN, absl::StatusCode::kUnavailable, "retry_limit"},
                                         ErrorOfAWrite{EINVAL, absl::StatusCode::kFailedPrecondition, "dd"}),
                         [](const auto& value) { return std::string(strerrorname_np(value.param.error_number)); });

TEST(Writer, IsTriedAloneWhereTheBlockLayerMayHaveMergedIt) {
  WriterFixture f(kDirect);
  SKIP_WITHOUT_DIRECT_IO(f);
  f.queue.Inject({.kind = FaultKind::kError, .value = EIO});
  EXPECT_EQ(f.WriteOne(0, 8192).status, absl::OkStatus());
  f.ExpectWritten(0, 8192);
}

TEST(Writer, SaysThatTheExtentIsNotKnownWhenItIsGivenUp) {
  WriterFixture f({}, {.depth = 8, .read_timeout = absl::Milliseconds(5)});
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled});
  const ChunkResult overdue = f.WriteOne(0, 4096);
  EXPECT_EQ(overdue.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(CauseOf(overdue.status), HasSubstr("writing 4096 bytes"));
  EXPECT_THAT(RemedyOf(overdue.status), HasSubstr("not known"));
}

TEST(Writer, SaysThatTheExtentIsNotKnownWhenItIsCancelled) {
  WriterFixture f;
  f.queue.Inject({.kind = FaultKind::kStuckUntilCancelled});
  ASSERT_EQ(f.reader.Start(f.Write(0, 0, 4096)), absl::OkStatus());
  f.reader.CancelAll();
  const ChunkResult cancelled = f.Collect(1).at(0);
  EXPECT_EQ(cancelled.status.code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(CauseOf(cancelled.status), HasSubstr("writing 4096 bytes"));
  EXPECT_THAT(RemedyOf(cancelled.status), HasSubstr("not known"));
}

/// Reads and writes side by side, short, late and interrupted ones among them: every byte is where it belongs.
TEST(Writer, KeepsReadsAndWritesApart) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    WriterFixture f({.shuffle = true, .seed = seed});
    for (int i = 0; i < 20; ++i) {
      switch (random() % 3) {
        case 0: f.queue.Inject({.kind = FaultKind::kShort, .value = 1 + random() % 700}); break;
        case 1: f.queue.Inject({.kind = FaultKind::kLate, .value = 2 + random() % 3}); break;
        default: f.queue.Inject({.kind = FaultKind::kError, .value = EINTR});
      }
    }
    // Writes go to the first half, reads come from the second.
    for (uint64_t tag = 0; tag < 4; ++tag) ASSERT_EQ(f.reader.Start(f.Write(tag, tag * 1000, 1000)), absl::OkStatus());
    for (uint64_t tag = 4; tag < 8; ++tag) {
      ASSERT_EQ(f.reader.Start(f.Chunk(tag, kFileBytes / 2 + tag * 1000, 1000)), absl::OkStatus());
    }
    for (const ChunkResult& result : f.Collect(8)) {
      EXPECT_EQ(result.status, absl::OkStatus());
      EXPECT_EQ(result.bytes, 1000u);
    }
    for (uint32_t tag = 4; tag < 8; ++tag) {
      EXPECT_TRUE(IsPattern(f.pool.buffer(tag).first(1000), kFileBytes / 2 + tag * 1000));
    }
    f.ExpectWritten(0, 4000);
  }
}

}  // namespace
}  // namespace penstock
