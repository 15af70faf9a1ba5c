// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes to real files by the paths that need no NVMe, and what other programs see of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/buffer_pool.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kDepth = 8;
constexpr uint32_t kBuffer = 8192;
constexpr size_t kFileBytes = 40 * kBuffer;

class WriteQueue : public testing::TestWithParam<ReadPath> {
 protected:
  void SetUp() override {
    auto queue = OpenReadQueue(GetParam(), pool_, {.depth = kDepth, .thread_count = 3});
    if (queue.status().code() == absl::StatusCode::kUnavailable) GTEST_SKIP() << queue.status();
    ASSERT_EQ(queue.status(), absl::OkStatus());
    queue_ = *std::move(queue);
    const PathSupport& support = volume_.support(GetParam());
    if (support.fd < 0) GTEST_SKIP() << support.refusal.cause << ". Fix: " << support.refusal.remedy << ".";
    queue_->Attach(volume_);
  }
  void TearDown() override {
    if (queue_ != nullptr && volume_.Supports(GetParam())) queue_->Detach(volume_);
  }

  ChunkRead Chunk(Direction direction, uint32_t index, uint64_t offset_bytes, uint32_t length_bytes = kBuffer) {
    return {.tag = index,
            .volume = &volume_,
            .offset_bytes = offset_bytes,
            .length_bytes = length_bytes,
            .destination = pool_.buffer(index),
            .direction = direction};
  }

  ChunkResult Run(Reader& reader, const ChunkRead& chunk) {
    EXPECT_EQ(reader.Start(chunk), absl::OkStatus());
    ChunkResult result;
    size_t stored = 0;
    for (int tries = 0; stored == 0 && tries < 10; ++tries)
      stored = reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(1)).value();
    EXPECT_EQ(stored, 1u);
    return result;
  }

  const TempFile file_{kFileBytes};
  Volume volume_ = Volume::OpenForWriting(file_.path()).value();
  BufferPool pool_ = BufferPool::Create({.buffer_bytes = kBuffer, .buffer_count = kDepth}).value();
  std::unique_ptr<ReadQueue> queue_;
};

INSTANTIATE_TEST_SUITE_P(Paths, WriteQueue, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path) { return std::string(ReadPathName(path.param)); });

/// All chunks of a file in a random order, several at a time; then cmp holds it against a file that was written without Penstock.
TEST_P(WriteQueue, PutsEveryByteWhereAnotherProgramFindsIt) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::vector<uint64_t> offsets;
  for (uint64_t offset = 0; offset < kFileBytes; offset += kBuffer) offsets.push_back(offset);
  std::shuffle(offsets.begin(), offsets.end(), std::mt19937(seed));
  constexpr uint64_t kShift = 12'345;  // What is written is the pattern from another place on.
  const TempFile expected(kShift + kFileBytes);

  Reader reader(*queue_, {.depth = kDepth});
  std::vector<uint32_t> free_buffers = {0, 1, 2, 3, 4, 5, 6, 7};
  ChunkResult results[3];
  while (!offsets.empty() || reader.in_flight() > 0) {
    for (; !offsets.empty() && !free_buffers.empty(); offsets.pop_back(), free_buffers.pop_back()) {
      const std::vector<std::byte> bytes = Pattern(kShift + offsets.back(), kBuffer);
      std::copy(bytes.begin(), bytes.end(), pool_.buffer(free_buffers.back()).begin());
      ASSERT_EQ(reader.Start(Chunk(Direction::kWrite, free_buffers.back(), offsets.back())), absl::OkStatus());
    }
    const absl::StatusOr<size_t> stored = reader.Wait(absl::MakeSpan(results), absl::Seconds(5));
    ASSERT_EQ(stored.status(), absl::OkStatus());
    for (const ChunkResult& result : absl::MakeSpan(results, *stored)) {
      EXPECT_EQ(result.status, absl::OkStatus());
      EXPECT_EQ(result.bytes, kBuffer);
      free_buffers.push_back(static_cast<uint32_t>(result.tag));
    }
  }
  EXPECT_EQ(std::system(absl::StrCat("cmp -i 0:", kShift, " ", file_.path(), " ", expected.path()).c_str()), 0);
}

TEST_P(WriteQueue, TouchesNothingBesideWhatItWrites) {
  Reader reader(*queue_, {.depth = 1});
  std::fill(pool_.buffer(0).begin(), pool_.buffer(0).end(), std::byte{0x3C});
  EXPECT_EQ(Run(reader, Chunk(Direction::kWrite, 0, 4096, 4096)).status, absl::OkStatus());
  std::vector<std::byte> expected = Pattern(0, kFileBytes);
  std::fill_n(expected.begin() + 4096, 4096, std::byte{0x3C});
  EXPECT_TRUE(file_.Bytes() == expected);
}

TEST_P(WriteQueue, IsSeenByReadsOfEveryPath) {
  Reader reader(*queue_, {.depth = 2});
  std::fill(pool_.buffer(0).begin(), pool_.buffer(0).end(), std::byte{0x3C});
  EXPECT_EQ(Run(reader, Chunk(Direction::kRead, 1, kBuffer)).status, absl::OkStatus());  // It may be in the page cache now.
  EXPECT_EQ(Run(reader, Chunk(Direction::kWrite, 0, kBuffer)).status, absl::OkStatus());
  for (const ReadPath path : {ReadPath::kRead, ReadPath::kPread}) {
    if (!volume_.Supports(path)) continue;
    const std::unique_ptr<ReadQueue> queue = OpenReadQueue(path, pool_, {.depth = 1}).value();
    Reader other(*queue, {.depth = 1});
    std::fill(pool_.buffer(1).begin(), pool_.buffer(1).end(), std::byte{0});
    EXPECT_EQ(Run(other, Chunk(Direction::kRead, 1, kBuffer)).status, absl::OkStatus());
    EXPECT_TRUE(std::equal(pool_.buffer(0).begin(), pool_.buffer(0).end(), pool_.buffer(1).begin())) << ReadPathName(path);
  }
}

/// No file of this process may be written past `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {  // The signal would end the process.
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    holds_ = setrlimit(RLIMIT_FSIZE, &limit) == 0;
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

  bool holds() const { return holds_; }

 private:
  void (*handler_)(int);
  rlimit before_ = {};
  bool holds_ = false;
};

TEST_P(WriteQueue, PassesTheKernelsRefusalOn) {
  Reader reader(*queue_, {.depth = 1});
  absl::Status answer;
  {
    const FileSizeLimit limit(4096);
    ASSERT_TRUE(limit.holds());
    answer = Run(reader, Chunk(Direction::kWrite, 0, kBuffer)).status;
  }
  EXPECT_EQ(answer.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(answer.message(), HasSubstr("EFBIG"));
  EXPECT_TRUE(IsPattern(file_.Bytes(), 0));
}

/// The kernel is the last to stand between a queue and a volume that was opened to read.
TEST_P(WriteQueue, IsRefusedByTheKernelWhereAVolumeWasOpenedToRead) {
  const Volume reading = file_.Open();
  ASSERT_TRUE(queue_->TryQueue({.user_data = 1,
                                .volume = &reading,
                                .length_bytes = kBuffer,
                                .destination = pool_.buffer(0).data(),
                                .direction = Direction::kWrite}));
  RawCompletion completion;
  ASSERT_EQ(queue_->Wait(absl::MakeSpan(&completion, 1), absl::Seconds(5)).value(), 1u);
  EXPECT_EQ(completion.result, -EBADF);
  EXPECT_TRUE(IsPattern(file_.Bytes(), 0));
}

}  // namespace
}  // namespace penstock
