// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What both real queues promise, on real files; and the Reader over them.
#include "penstock/read_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/driver/child_process.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint32_t kDepth = 8;
constexpr uint32_t kBuffer = 8192;

class ReadQueueTest : public testing::TestWithParam<ReadPath> {
 protected:
  void SetUp() override {
    if (GetParam() == ReadPath::kPread) {
      queue_ = OpenReadQueue(ReadPath::kPread, pool_, {.depth = kDepth, .thread_count = 3}).value();
      return;
    }
    auto queue = OpenReadQueue(ReadPath::kRead, pool_, {.depth = kDepth});
    if (queue.status().code() == absl::StatusCode::kUnavailable) GTEST_SKIP() << queue.status();
    ASSERT_EQ(queue.status(), absl::OkStatus());
    queue_ = *std::move(queue);
    const Volume volume = TempFile(1).Open();
    if (volume.support(ReadPath::kRead).fd < 0)
      GTEST_SKIP() << volume.support(ReadPath::kRead).refusal.cause << ". Fix: " << volume.support(ReadPath::kRead).refusal.remedy
                   << ".";
  }

  RawRead Read(const Volume& volume, uint32_t index, uint64_t offset_bytes, uint32_t length_bytes = kBuffer) {
    return {.user_data = index,
            .volume = &volume,
            .offset_bytes = offset_bytes,
            .length_bytes = length_bytes,
            .destination = pool_.buffer(index).data()};
  }

  std::vector<RawCompletion> Collect(size_t count) {
    std::vector<RawCompletion> all;
    RawCompletion some[3];
    const uint64_t begin_ns = MonotonicNs();
    while (all.size() < count && MonotonicNs() - begin_ns < 10'000'000'000u) {
      const absl::StatusOr<size_t> taken = queue_->Wait(absl::MakeSpan(some), absl::Seconds(1));
      EXPECT_EQ(taken.status(), absl::OkStatus());
      if (!taken.ok()) break;
      all.insert(all.end(), some, some + *taken);
    }
    EXPECT_EQ(all.size(), count);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.user_data < b.user_data; });
    return all;
  }

  BufferPool pool_ = BufferPool::Create({.buffer_bytes = kBuffer, .buffer_count = kDepth}).value();
  std::unique_ptr<ReadQueue> queue_;
};

INSTANTIATE_TEST_SUITE_P(Paths, ReadQueueTest, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path) { return std::string(ReadPathName(path.param)); });

TEST_P(ReadQueueTest, DeliversEveryReadsBytesOnce) {
  const TempFile file(kDepth * kBuffer);
  const Volume volume = file.Open();
  queue_->Attach(volume);
  for (uint32_t i = 0; i < kDepth; ++i) ASSERT_TRUE(queue_->TryQueue(Read(volume, i, i * kBuffer)));
  const std::vector<RawCompletion> completions = Collect(kDepth);
  for (uint32_t i = 0; i < completions.size(); ++i) {
    EXPECT_EQ(completions[i].user_data, i);
    EXPECT_EQ(completions[i].result, kBuffer);
    EXPECT_TRUE(IsPattern(pool_.buffer(i), i * kBuffer));
  }
  queue_->Detach(volume);
}

TEST_P(ReadQueueTest, ReadsVolumesThatAreNotInTheFileTable) {
  const TempFile file(kBuffer);
  const Volume volume = file.Open();
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
  EXPECT_EQ(Collect(1).at(0).result, kBuffer);
  EXPECT_TRUE(IsPattern(pool_.buffer(0), 0));
}

TEST_P(ReadQueueTest, ReadsTheRightFileAfterADescriptorIsUsedAgain) {
  for (uint32_t round = 0; round < 3; ++round) {
    const TempFile file(kBuffer * (round + 1));
    const Volume volume = file.Open();
    queue_->Attach(volume);
    ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, kBuffer * round)));
    EXPECT_EQ(Collect(1).at(0).result, kBuffer);
    EXPECT_TRUE(IsPattern(pool_.buffer(0), kBuffer * round));
    queue_->Detach(volume);
  }
}

TEST_P(ReadQueueTest, SubmitsWithoutWaiting) {
  const TempFile file(kBuffer);
  const Volume volume = file.Open();
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
  EXPECT_EQ(queue_->Submit(), absl::OkStatus());
  EXPECT_EQ(queue_->Submit(), absl::OkStatus());  // Nothing more to submit.
  EXPECT_EQ(Collect(1).size(), 1);
}

TEST_P(ReadQueueTest, WaitsForAsManyReadsAsItWasToldOrForAllThatThereAre) {
  const TempFile file(kDepth * kBuffer);
  const Volume volume = file.Open();
  queue_ = OpenReadQueue(GetParam(), pool_, {.depth = kDepth, .thread_count = 3, .is_random = true, .wait_count = 5}).value();
  queue_->Attach(volume);
  RawCompletion completions[kDepth];
  for (const uint32_t count : {kDepth, 3u}) {
    for (uint32_t i = 0; i < count; ++i) ASSERT_TRUE(queue_->TryQueue(Read(volume, i, i * kBuffer)));
    const size_t taken = queue_->Wait(absl::MakeSpan(completions), absl::Seconds(10)).value();
    EXPECT_GE(taken, std::min(count, 5u));
    if (taken < count) Collect(count - taken);
  }
  queue_->Detach(volume);
}

TEST_P(ReadQueueTest, CountsTheSystemCallsThatItMakes) {
  const TempFile file(kDepth * kBuffer);
  const Volume volume = file.Open();
  EXPECT_EQ(queue_->system_call_count(), 0);
  for (uint32_t i = 0; i < kDepth; ++i) ASSERT_TRUE(queue_->TryQueue(Read(volume, i, i * kBuffer)));
  EXPECT_EQ(queue_->Submit(), absl::OkStatus());
  const bool reads_one_by_one = GetParam() == ReadPath::kPread;
  EXPECT_EQ(queue_->system_call_count(), reads_one_by_one ? 0 : 1) << "one for all that are submitted at once";
  Collect(kDepth);
  if (reads_one_by_one) {
    EXPECT_EQ(queue_->system_call_count(), kDepth);
  }
  EXPECT_LE(queue_->system_call_count(), 1 + kDepth);
}

TEST_P(ReadQueueTest, RefusesAReadWhenFullAndTakesItAfterACompletion) {
  const TempFile file(kBuffer);
  const Volume volume = file.Open();
  EXPECT_EQ(queue_->capacity(), kDepth);
  for (uint32_t i = 0; i < kDepth; ++i) ASSERT_TRUE(queue_->TryQueue(Read(volume, i, 0)));
  EXPECT_FALSE(queue_->TryQueue(Read(volume, 0, 0)));
  Collect(kDepth);
  EXPECT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
  Collect(1);
}

TEST_P(ReadQueueTest, PassesShortReadsAndTheEndOfTheFileOn) {
  const TempFile file(4096 + 100);
  const Volume volume = file.Open();
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 1, 8192)));
  const std::vector<RawCompletion> completions = Collect(2);
  EXPECT_EQ(completions[0].result, 4096 + 100);
  EXPECT_EQ(completions[1].result, 0);
}

TEST_P(ReadQueueTest, PassesErrorsOnAsTheyAre) {
  const TempFile file(kBuffer);
  const Volume volume = file.Open();
  RawRead read = Read(volume, 0, 0);
  read.destination = nullptr;
  ASSERT_TRUE(queue_->TryQueue(read));
  EXPECT_EQ(Collect(1).at(0).result, -EFAULT);
}

TEST_P(ReadQueueTest, ReturnsNothingAfterTheTimeout) {
  RawCompletion completion;
  EXPECT_EQ(queue_->Wait(absl::MakeSpan(&completion, 1), absl::ZeroDuration()).value(), 0);
  const uint64_t begin_ns = MonotonicNs();
  EXPECT_EQ(queue_->Wait(absl::MakeSpan(&completion, 1), absl::Milliseconds(20)).value(), 0);
  EXPECT_GE(MonotonicNs() - begin_ns, 19'000'000u);
}

TEST_P(ReadQueueTest, FindsCompletionsWithoutWaitingForThem) {
  const TempFile file(kBuffer);
  const Volume volume = file.Open();
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
  RawCompletion completion;
  size_t taken = 0;
  for (const uint64_t begin_ns = MonotonicNs(); taken == 0 && MonotonicNs() - begin_ns < 10'000'000'000u;) {
    taken = queue_->Wait(absl::MakeSpan(&completion, 1), absl::ZeroDuration()).value();
  }
  EXPECT_EQ(taken, 1);
}

TEST_P(ReadQueueTest, CompletesACancelledReadExactlyOnce) {
  const TempFile file(kDepth * kBuffer);
  const Volume volume = file.Open();
  for (int round = 0; round < 50; ++round) {
    for (uint32_t i = 0; i < kDepth; ++i) ASSERT_TRUE(queue_->TryQueue(Read(volume, i, i * kBuffer)));
    if (round % 2 == 0) {
      ASSERT_TRUE(queue_->Submit().ok());
    }
    for (uint32_t i = 0; i < kDepth; ++i) queue_->Cancel(i);
    queue_->Cancel(999);  // Not in flight: nothing happens, and nothing surfaces.
    const std::vector<RawCompletion> completions = Collect(kDepth);
    for (uint32_t i = 0; i < completions.size(); ++i) {
      EXPECT_EQ(completions[i].user_data, i);
      EXPECT_TRUE(completions[i].result == kBuffer || completions[i].result == -ECANCELED) << completions[i].result;
    }
  }
  RawCompletion extra;
  EXPECT_EQ(queue_->Wait(absl::MakeSpan(&extra, 1), absl::Milliseconds(10)).value(), 0);
}

TEST_P(ReadQueueTest, BelongsToTheThreadThatUsesItFirst) {
  const TempFile file(kBuffer);
  const Volume volume = file.Open();
  queue_->Attach(volume);  // Registration does not count as use.
  std::thread user([&] {
    ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
    EXPECT_EQ(Collect(1).at(0).result, kBuffer);
    queue_->Detach(volume);
  });
  user.join();
}

TEST_P(ReadQueueTest, ReturnsNothingWhenASignalComes) {
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  std::atomic<bool> done = false;
  const pthread_t waiter = pthread_self();
  std::thread signaller([&] {
    while (!done) {
      pthread_kill(waiter, SIGUSR1);
      absl::SleepFor(absl::Milliseconds(1));
    }
  });
  RawCompletion completion;
  EXPECT_EQ(queue_->Wait(absl::MakeSpan(&completion, 1), absl::Milliseconds(50)).value(), 0);
  done = true;
  signaller.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(ReadQueueTest, IsDestroyedSafelyWithReadsInFlight) {
  const TempFile file(kDepth * kBuffer);
  const Volume volume = file.Open();
  for (uint32_t i = 0; i < kDepth; ++i) ASSERT_TRUE(queue_->TryQueue(Read(volume, i, i * kBuffer)));
  ASSERT_TRUE(queue_->Submit().ok());
  queue_.reset();
  const std::vector<std::byte> before(pool_.memory().begin(), pool_.memory().end());
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_TRUE(std::equal(before.begin(), before.end(), pool_.memory().begin()));  // Nobody writes any more.
}

TEST_P(ReadQueueTest, CountsTheBytesThatTheCpuCopied) {
  const TempFile file(kBuffer + 100);
  const Volume volume = file.Open();
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 0, 0)));
  ASSERT_TRUE(queue_->TryQueue(Read(volume, 1, kBuffer)));
  Collect(2);
  EXPECT_EQ(queue_->bounce_bytes(), GetParam() == ReadPath::kPread ? kBuffer + 100 : 0);
}

TEST_P(ReadQueueTest, PassesTheProbe) {
  const TempFile file(kBuffer);
  EXPECT_EQ(ProbeRead(*queue_, file.Open(), pool_.buffer(0)), std::nullopt);
}

class ReaderOverTest : public ReadQueueTest {
 protected:
  /// Reads the whole file in chunks, and checks that every byte came.
  void ReadAll(const Volume& volume, uint64_t file_bytes, bool zeros = false) {
    Reader reader(*queue_, {.depth = kDepth});
    std::vector<uint32_t> free_buffers(kDepth);
    for (uint32_t i = 0; i < kDepth; ++i) free_buffers[i] = i;
    uint64_t next = 0;
    uint64_t landed = 0;
    while (next < file_bytes || reader.in_flight() > 0) {
      for (; next < file_bytes && reader.HasRoom(); next += kBuffer, free_buffers.pop_back()) {
        const uint32_t buffer = free_buffers.back();
        ASSERT_EQ(reader.Start({.tag = next | buffer,  // Buffers are fewer than a chunk has bytes.
                                .volume = &volume,
                                .offset_bytes = next,
                                .length_bytes = static_cast<uint32_t>(std::min<uint64_t>(kBuffer, file_bytes - next)),
                                .destination = pool_.buffer(buffer)}),
                  absl::OkStatus());
      }
      ChunkResult results[3];
      const absl::StatusOr<size_t> stored = reader.Wait(absl::MakeSpan(results), absl::Seconds(5));
      ASSERT_EQ(stored.status(), absl::OkStatus());
      for (const ChunkResult& result : absl::MakeSpan(results, *stored)) {
        const auto buffer = static_cast<uint32_t>(result.tag % kBuffer);
        const absl::Span<std::byte> bytes = pool_.buffer(buffer).first(result.bytes);
        ASSERT_EQ(result.status, absl::OkStatus());
        EXPECT_TRUE(zeros ? std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; })
                          : IsPattern(bytes, result.tag - buffer));
        landed += result.bytes;
        free_buffers.push_back(buffer);
      }
    }
    EXPECT_EQ(landed, file_bytes);
  }
};

INSTANTIATE_TEST_SUITE_P(Paths, ReaderOverTest, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path) { return std::string(ReadPathName(path.param)); });

TEST_P(ReaderOverTest, ReadsFilesOfEverySizeAroundAChunk) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{511}, size_t{4097}, size_t{kBuffer - 1}, size_t{kBuffer},
                             size_t{kBuffer + 1}, size_t{20 * kBuffer + 333}}) {
    SCOPED_TRACE(testing::Message() << bytes << " bytes");
    const TempFile file(bytes);
    const Volume volume = file.Open();
    queue_->Attach(volume);
    ReadAll(volume, bytes);
    queue_->Detach(volume);
  }
}

TEST_P(ReaderOverTest, ReadsHolesAsZeros) {
  TempFile file(0);
  file.Resize(10 * kBuffer + 77);
  ReadAll(file.Open(), 10 * kBuffer + 77, true);
}

TEST_P(ReaderOverTest, ReportsTheRealLengthOfAFileThatWasTruncatedSinceItWasOpened) {
  TempFile file(4 * kBuffer);
  const Volume volume = file.Open();
  file.Resize(kBuffer + 1000);
  Reader reader(*queue_, {.depth = kDepth});
  for (uint32_t i = 0; i < 4; ++i) {
    const ChunkRead read{
        .tag = i, .volume = &volume, .offset_bytes = i * kBuffer, .length_bytes = kBuffer, .destination = pool_.buffer(i)};
    ASSERT_EQ(reader.Start(read), absl::OkStatus());
  }
  uint32_t bytes[4] = {9, 9, 9, 9};
  for (int ended = 0; ended < 4;) {
    ChunkResult result;
    const size_t stored = reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(5)).value();
    if (stored == 0) continue;
    EXPECT_EQ(result.status, absl::OkStatus());
    bytes[result.tag] = result.bytes;
    ++ended;
  }
  EXPECT_THAT(bytes, testing::ElementsAre(kBuffer, 1000, 0, 0));
}

TEST_P(ReaderOverTest, DrainsAtARandomMomentAndTheMemoryStaysUntouched) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const TempFile file(kDepth * kBuffer);
  const Volume volume = file.Open();
  for (int round = 0; round < 30; ++round) {
    Reader reader(*queue_, {.depth = kDepth});
    for (uint32_t i = 0; i < kDepth; ++i) {
      const ChunkRead read{
          .tag = i, .volume = &volume, .offset_bytes = i * kBuffer, .length_bytes = kBuffer, .destination = pool_.buffer(i)};
      ASSERT_EQ(reader.Start(read), absl::OkStatus());
    }
    ChunkResult result;
    ASSERT_EQ(reader.Wait(absl::MakeSpan(&result, 1), absl::ZeroDuration()).status(), absl::OkStatus());
    absl::SleepFor(absl::Microseconds(random() % 300));
    ASSERT_EQ(reader.Drain(absl::Seconds(5)), absl::OkStatus());
    std::fill(pool_.memory().begin(), pool_.memory().end(), std::byte{0x5A});
    absl::SleepFor(absl::Microseconds(random() % 300));
    EXPECT_TRUE(
        std::all_of(pool_.memory().begin(), pool_.memory().end(), [](std::byte byte) { return byte == std::byte{0x5A}; }));
  }
}

TEST(PreadQueue, ReadsAnyOffsetLengthAndAddress) {
  const TempFile file(100);
  const Volume volume = file.Open();
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(ReadPath::kPread, pool, {.depth = 1, .thread_count = 100}).value();
  std::byte bytes[64];
  const RawRead read{.user_data = 1, .volume = &volume, .offset_bytes = 13, .length_bytes = 57, .destination = bytes + 3};
  ASSERT_TRUE(queue->TryQueue(read));
  RawCompletion completion;
  ASSERT_EQ(queue->Wait(absl::MakeSpan(&completion, 1), absl::Seconds(5)).value(), 1);
  EXPECT_EQ(completion.result, 57);
  EXPECT_TRUE(IsPattern(absl::MakeSpan(bytes).subspan(3, 57), 13));
}

TEST(PreadQueue, SaysWhenNotEvenOneThreadCanBeMade) {
  const std::string answer = RunInChild([]() -> std::string {
    const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
    if (!RefuseSystemCall(__NR_clone3, EAGAIN) || !RefuseSystemCall(__NR_clone, EAGAIN)) return "no seccomp";
    return OpenReadQueue(ReadPath::kPread, pool, {.depth = 1}).status().ToString();
  });
  if (answer == "no seccomp") GTEST_SKIP() << "no seccomp filters. Fix: run on a kernel with CONFIG_SECCOMP_FILTER.";
  EXPECT_THAT(answer, AllOf(HasSubstr("RESOURCE_EXHAUSTED"), HasSubstr("EAGAIN"), HasSubstr("ulimit -u")));
}

TEST(PreadQueue, CompletesReadsThatHaveNotBegunAsCancelled) {
  const TempFile file(4096);
  const Volume volume = file.Open();
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(ReadPath::kPread, pool, {.depth = 4, .thread_count = 1}).value();
  std::byte bytes[4096];
  for (uint64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(queue->TryQueue({.user_data = i, .volume = &volume, .length_bytes = 4096, .destination = bytes}));
  }
  for (uint64_t i = 0; i < 4; ++i) queue->Cancel(i);  // None has been submitted.
  RawCompletion completions[4];
  ASSERT_EQ(queue->Wait(absl::MakeSpan(completions), absl::Seconds(5)).value(), 4);
  for (const RawCompletion& completion : completions) EXPECT_EQ(completion.result, -ECANCELED);
  EXPECT_EQ(queue->bounce_bytes(), 0);
}

}  // namespace
}  // namespace penstock
