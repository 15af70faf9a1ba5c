// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ring itself, and each way in which Linux can refuse it.
#include "driver/uring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/driver/child_process.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using driver::Uring;
using driver::UringCompletion;
using ::testing::AllOf;
using ::testing::HasSubstr;

class UringTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status status = Uring::Open({.entries = 1}).status();
    if (!status.ok()) GTEST_SKIP() << status;
  }

  static void QueueNop(Uring& uring, uint64_t user_data) {
    io_uring_sqe* const entry = uring.TryGetEntry();
    ASSERT_NE(entry, nullptr);
    io_uring_prep_nop(entry);
    entry->user_data = user_data;
  }

  const BufferPool pool_ = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 4}).value();
};

TEST_F(UringTest, HidesCompletionsOfItsOwnRequests) {
  const auto uring = Uring::Open({.entries = 4}).value();
  QueueNop(*uring, 1);
  QueueNop(*uring, Uring::kOwnUserData);
  QueueNop(*uring, 2);
  ASSERT_EQ(uring->Wait(absl::Seconds(1)), absl::OkStatus());
  std::array<UringCompletion, 4> completions;
  ASSERT_EQ(uring->Take(absl::MakeSpan(completions)), 2);
  EXPECT_EQ(completions[0].user_data, 1);
  EXPECT_EQ(completions[1].user_data, 2);
}

/// Big completions are twice as far apart; polled rings and those of a kernel thread are entered in other ways.
TEST_F(UringTest, CompletesRequestsWhateverItsKind) {
  const Uring::Options kinds[] = {{.entries = 4, .big_entries = true},
                                  {.entries = 4, .kernel_thread = true},
                                  {.entries = 4, .poll_device = true},
                                  {.entries = 4, .big_entries = true, .poll_device = true, .kernel_thread = true}};
  for (const Uring::Options& kind : kinds) {
    const auto uring = Uring::Open(kind);
    if (uring.status().code() == absl::StatusCode::kUnavailable) GTEST_SKIP() << uring.status();
    ASSERT_TRUE(uring.ok()) << uring.status();
    for (uint64_t round = 0; round < 5; ++round) {
      for (uint64_t i = 0; i < 3; ++i) QueueNop(**uring, 10 * round + i);
      std::array<UringCompletion, 4> completions;
      size_t taken = 0;
      for (int tries = 0; taken < 3 && tries < 100; ++tries) {
        ASSERT_EQ((*uring)->Wait(absl::Milliseconds(100), static_cast<uint32_t>(3 - taken)), absl::OkStatus());
        taken += (*uring)->Take(absl::MakeSpan(completions).subspan(taken));
      }
      ASSERT_EQ(taken, 3u);
      for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(completions[i].user_data, 10 * round + i);
    }
  }
}

TEST_F(UringTest, WaitsAsLongAsItIsToldWhenFewerCompletionsCome) {
  for (const bool poll_device : {false, true}) {
    const auto uring = Uring::Open({.entries = 4, .poll_device = poll_device}).value();
    QueueNop(*uring, 1);
    const uint64_t begin_ns = MonotonicNs();
    ASSERT_EQ(uring->Wait(absl::Milliseconds(20), 2), absl::OkStatus());
    EXPECT_GE(MonotonicNs() - begin_ns, 19'000'000u) << poll_device;
    UringCompletion completion;
    EXPECT_EQ(uring->Take(absl::MakeSpan(&completion, 1)), 1u);
  }
}

TEST_F(UringTest, DoesNotWaitWhenTheTimeoutIsNegative) {
  for (const bool poll_device : {false, true}) {
    const auto uring = Uring::Open({.entries = 4, .poll_device = poll_device}).value();
    const uint64_t begin_ns = MonotonicNs();
    ASSERT_EQ(uring->Wait(-absl::Seconds(1)), absl::OkStatus());
    EXPECT_LT(MonotonicNs() - begin_ns, 10'000'000'000u) << poll_device;
  }
}

TEST_F(UringTest, KeepsCompletionsThatTheCallerHasNoRoomFor) {
  for (const bool poll_device : {false, true}) {
    const auto uring = Uring::Open({.entries = 4, .poll_device = poll_device}).value();
    for (uint64_t i = 0; i < 3; ++i) QueueNop(*uring, i);
    ASSERT_EQ(uring->Wait(absl::Seconds(1), 3), absl::OkStatus());
    for (uint64_t i = 0; i < 3; ++i) {
      UringCompletion completion;
      ASSERT_EQ(uring->Take(absl::MakeSpan(&completion, 1)), 1);
      EXPECT_EQ(completion.user_data, i);
    }
  }
}

TEST_F(UringTest, DoesNotEnterTheKernelWhenACompletionHasCome) {
  const std::string answer = RunInChild([]() -> std::string {
    const auto uring = Uring::Open({.entries = 4}).value();
    for (uint64_t i = 0; i < 2; ++i) QueueNop(*uring, i);
    if (!uring->Wait(absl::Seconds(1)).ok()) return "the first wait failed";
    if (!RefuseSystemCall(__NR_io_uring_enter, EPERM)) return "no seccomp";
    UringCompletion completion;
    for (uint64_t i = 0; i < 2; ++i) {
      if (const absl::Status status = uring->Wait(absl::Seconds(1)); !status.ok()) return status.ToString();
      if (uring->Take(absl::MakeSpan(&completion, 1)) != 1 || completion.user_data != i) return "lost a completion";
    }
    if (!uring->Wait(absl::ZeroDuration()).ok()) return "looking for completions entered the kernel";
    return uring->Wait(absl::Seconds(1)).ok() ? "seccomp does nothing" : "entered only when it had to";
  });
  if (answer == "no seccomp") GTEST_SKIP() << "no seccomp filters. Fix: run on a kernel with CONFIG_SECCOMP_FILTER.";
  EXPECT_EQ(answer, "entered only when it had to");
}

TEST_F(UringTest, SaysWhenASecondThreadUsesIt) {
  const auto uring = Uring::Open({.entries = 4}).value();
  ASSERT_EQ(uring->Wait(absl::ZeroDuration()), absl::OkStatus());
  std::thread second([&] {
    QueueNop(*uring, 1);
    const absl::Status status = uring->Submit();
    if (status.ok()) return;  // A kernel before 6.1 lets every thread in.
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(RemedyOf(status), HasSubstr("the thread that used it first"));
  });
  second.join();
}

TEST_F(UringTest, WorksWithoutARegisteredFile) {
  const auto uring = Uring::Open({.entries = 4}).value();
  uring->RegisterFile(-1);
  uring->RegisterFile(1 << 30);
  uring->UnregisterFile(5);
  io_uring_sqe entry{};
  uring->UseRegisteredFile(entry, 5);
  uring->UseRegisteredFile(entry, -1);
  EXPECT_EQ(entry.flags & IOSQE_FIXED_FILE, 0);
}

TEST_F(UringTest, LooksRegisteredFilesUpByTheirDescriptor) {
  const TempFile file(1);
  const Volume volume = file.Open();
  const auto uring = Uring::Open({.entries = 4}).value();
  uring->RegisterFile(volume.support(ReadPath::kPread).fd);
  io_uring_sqe entry{};
  uring->UseRegisteredFile(entry, volume.support(ReadPath::kPread).fd);
  if ((entry.flags & IOSQE_FIXED_FILE) == 0) GTEST_SKIP() << "no sparse file table. Fix: run on Linux 5.19 or later.";
  uring->UnregisterFile(volume.support(ReadPath::kPread).fd);
  entry.flags = 0;
  uring->UseRegisteredFile(entry, volume.support(ReadPath::kPread).fd);
  EXPECT_EQ(entry.flags, 0);
}

TEST(UringRefusal, SaysHowToAllowIoUringWhenItIsForbiddenOrMissing) {
  for (const auto& [error_number, name] : {std::pair{EPERM, "EPERM"}, std::pair{ENOSYS, "ENOSYS"}}) {
    const int number = error_number;
    const std::string answer = RunInChild([number]() -> std::string {
      const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 4}).value();
      if (!RefuseSystemCall(__NR_io_uring_setup, number)) return "no seccomp";
      return OpenReadQueue(ReadPath::kRead, pool, {.depth = 4}).status().ToString();
    });
    if (answer == "no seccomp") GTEST_SKIP() << "no seccomp filters. Fix: run on a kernel with CONFIG_SECCOMP_FILTER.";
    EXPECT_THAT(answer, AllOf(HasSubstr("UNAVAILABLE"), HasSubstr(name), HasSubstr("io_uring_disabled"),
                              HasSubstr("seccomp profile"), HasSubstr("path pread")));
  }
}

TEST(UringRefusal, DoesWithoutAFileTable) {
  const TempFile file(4096);
  const std::string answer = RunInChild([&]() -> std::string {
    const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 4}).value();
    if (!RefuseSystemCall(__NR_io_uring_register, EINVAL)) return "no seccomp";
    const auto uring = Uring::Open({.entries = 4});
    if (!uring.ok()) return uring.status().ToString();
    (*uring)->RegisterFile(3);
    return "opened";
  });
  if (answer == "no seccomp") GTEST_SKIP() << "no seccomp filters. Fix: run on a kernel with CONFIG_SECCOMP_FILTER.";
  if (answer.find("UNAVAILABLE") != std::string::npos) GTEST_SKIP() << answer;
  EXPECT_EQ(answer, "opened");
}

TEST_F(UringTest, SaysHowMuchLockedMemoryItNeeds) {
  if (geteuid() != 0) GTEST_SKIP() << "locked memory is counted for all of a user's processes together. Fix: run as root.";
  const std::string answer = RunInChild([]() -> std::string {
    const BufferPool pool = BufferPool::Create({.buffer_bytes = 65536, .buffer_count = 16}).value();
    const rlimit limit{.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return "cannot set the limit";
    // CAP_IPC_LOCK lifts the limit, so it must go.
    if (setresuid(65534, 65534, 65534) != 0) return "cannot become nobody";
    return OpenReadQueue(ReadPath::kRead, pool, {.depth = 4}).status().ToString();
  });
  if (answer.starts_with("cannot")) GTEST_SKIP() << answer << ". Fix: run outside of a user namespace.";
  EXPECT_THAT(answer, AllOf(HasSubstr("RESOURCE_EXHAUSTED"), HasSubstr("ENOMEM"), HasSubstr("locked-memory limit 64 KiB"),
                            HasSubstr("at least 1024 KiB more"), HasSubstr("ulimit -l")));
}

TEST_F(UringTest, SaysWhenTooManyFilesAreOpen) {
  const std::string answer = RunInChild([]() -> std::string {
    while (dup(0) >= 0) continue;
    return Uring::Open({.entries = 4}).status().ToString();
  });
  EXPECT_THAT(answer, AllOf(HasSubstr("RESOURCE_EXHAUSTED"), HasSubstr("EMFILE"), HasSubstr("ulimit -n")));
}

TEST_F(UringTest, RefusesDepthsThatTheKernelDoesNotHave) {
  for (const uint32_t depth : {0u, 16385u, ~0u}) {
    EXPECT_EQ(OpenReadQueue(ReadPath::kRead, pool_, {.depth = depth}).status().code(), absl::StatusCode::kInvalidArgument)
        << depth;
  }
  EXPECT_EQ(OpenReadQueue(ReadPath::kRead, pool_, {.depth = 16384}).status(), absl::OkStatus());
}

TEST_F(UringTest, RefusesADestinationThatIsNotItsMemory) {
  const TempFile file(4096);
  const Volume volume = file.Open();
  if (volume.support(ReadPath::kRead).fd < 0)
    GTEST_SKIP() << volume.support(ReadPath::kRead).refusal.cause << ". Fix: " << volume.support(ReadPath::kRead).refusal.remedy
                 << ".";
  const auto queue = OpenReadQueue(ReadPath::kRead, pool_, {.depth = 1}).value();
  const BufferPool other = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
  Reader reader(*queue, {.depth = 1});
  ASSERT_TRUE(reader.Start({.volume = &volume, .length_bytes = 4096, .destination = other.buffer(0)}).ok());
  ChunkResult result;
  ASSERT_EQ(reader.Wait(absl::MakeSpan(&result, 1), absl::Seconds(5)).value(), 1);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(RemedyOf(result.status), HasSubstr("the pool that the queue was opened with"));
}

TEST_F(UringTest, RegistersMoreMemoryThanOneRegisteredBufferHolds) {
  const auto pool =
      BufferPool::Create({.buffer_bytes = 96 << 20, .buffer_count = 12});  // 1.125 GiB: 10 buffers in the first GiB.
  if (!pool.ok()) GTEST_SKIP() << pool.status();
  const auto queue = OpenReadQueue(ReadPath::kRead, *pool, {.depth = 4});
  if (queue.status().code() == absl::StatusCode::kResourceExhausted) GTEST_SKIP() << queue.status();
  ASSERT_EQ(queue.status(), absl::OkStatus());
  const TempFile file(4096);
  const Volume volume = file.Open();
  for (const uint32_t index : {0u, 9u, 10u, 11u}) {
    const auto refusal = ProbeRead(**queue, volume, pool->buffer(index).last(4096));
    EXPECT_TRUE(!refusal.has_value() || volume.support(ReadPath::kRead).fd < 0) << index << ": " << refusal->cause;
  }
}

}  // namespace
}  // namespace penstock
