// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Path "pread": a few threads that read and write through the page cache. It needs nothing of the kernel, the file or the memory.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "driver/fixed_fifo.h"
#include "driver/read_queues.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"

namespace penstock::driver {
namespace {

constexpr absl::Duration kLongestWait = absl::Hours(1);

/// Passthrough knows nothing of the page cache. What is written to a device has to be there when the write ends, or a read by
/// another path would bring what was there before.
ssize_t Write(const RawRead& write, int fd) {
  const iovec bytes{.iov_base = write.destination, .iov_len = write.length_bytes};
  return pwritev2(fd, &bytes, 1, static_cast<off_t>(write.offset_bytes), write.volume->block_bytes() > 1 ? RWF_DSYNC : 0);
}

RawCompletion Execute(const RawRead& read) {
  const int fd = read.volume->support(ReadPath::kPread).fd;
  const ssize_t result = read.direction == Direction::kWrite
                             ? Write(read, fd)
                             : pread(fd, read.destination, read.length_bytes, static_cast<off_t>(read.offset_bytes));
  return {.user_data = read.user_data, .result = result >= 0 ? result : -errno};
}

class PreadQueue final : public ReadQueue {
 public:
  explicit PreadQueue(const ReadQueueOptions& options);
  /// Errors, errno attached: ResourceExhausted if not even one thread can be made.
  absl::Status StartThreads(uint32_t thread_count);
  /// Waits for the reads that threads are in the middle of; drops the others.
  ~PreadQueue() override;

  ReadPath path() const override { return ReadPath::kPread; }
  uint32_t capacity() const override { return depth_; }
  void Attach(const Volume& volume) override { posix_fadvise(volume.support(ReadPath::kPread).fd, 0, 0, advice_); }
  void Detach(const Volume&) override {}
  bool TryQueue(const RawRead& read) override;
  absl::Status Submit() override;
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override;
  void Cancel(uint64_t user_data) override;
  uint64_t bounce_bytes() const override { return bounce_bytes_; }
  uint64_t system_call_count() const override { return read_count_; }

 private:
  void Work();

  const uint32_t depth_;
  const uint32_t wait_count_;
  const int advice_;
  // Of the thread that uses the queue.
  FixedFifo<RawRead> queued_;
  uint32_t in_flight_ = 0;
  uint64_t bounce_bytes_ = 0;
  uint64_t read_count_ = 0;
  // Shared with the threads, under mutex_, which nobody holds while reading.
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable has_completions_;
  FixedFifo<RawRead> submitted_;
  FixedFifo<RawCompletion> completed_;
  bool stopping_ = false;

  std::vector<std::thread> threads_;
};

PreadQueue::PreadQueue(const ReadQueueOptions& options)
    : depth_(options.depth),
      wait_count_(options.wait_count),
      advice_(options.is_random ? POSIX_FADV_RANDOM : POSIX_FADV_SEQUENTIAL),
      queued_(depth_),
      submitted_(depth_),
      completed_(depth_) {
  PENSTOCK_CHECK(depth_ > 0);
}

absl::Status PreadQueue::StartThreads(uint32_t thread_count) {
  const uint32_t wanted = thread_count == 0 ? PreadThreads(depth_) : std::min(thread_count, depth_);
  threads_.reserve(wanted);
  try {
    while (threads_.size() < wanted) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error& error) {
    if (threads_.empty()) {
      return MakeErrnoError(absl::StatusCode::kResourceExhausted, error.code().value(), What("path pread cannot start a thread"),
                            Fix("raise the limit of threads (ulimit -u, or pids.max of the control group)"));
    }
    // Fewer are slower, not wrong.
  }
  return absl::OkStatus();
}

PreadQueue::~PreadQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  has_work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool PreadQueue::TryQueue(const RawRead& read) {
  if (in_flight_ == depth_) return false;
  queued_.Push(read);
  ++in_flight_;
  return true;
}

absl::Status PreadQueue::Submit() {
  if (queued_.empty()) return absl::OkStatus();
  const size_t count = queued_.size();
  {
    const std::lock_guard lock(mutex_);
    while (!queued_.empty()) submitted_.Push(queued_.Pop());
  }
  if (count == 1)
    has_work_.notify_one();
  else
    has_work_.notify_all();
  return absl::OkStatus();
}

absl::StatusOr<size_t> PreadQueue::Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) {
  PENSTOCK_CHECK(Submit().ok());
  size_t taken = 0;
  std::unique_lock lock(mutex_);
  if (timeout > absl::ZeroDuration()) {
    has_completions_.wait_for(lock, absl::ToChronoNanoseconds(std::min(timeout, kLongestWait)),
                              [this] { return completed_.size() >= std::clamp(wait_count_, 1u, std::max(in_flight_, 1u)); });
  }
  while (taken < completions.size() && !completed_.empty()) {
    completions[taken] = completed_.Pop();
    ++read_count_;
    bounce_bytes_ += static_cast<uint64_t>(std::max<int64_t>(completions[taken].result, 0));
    ++taken;
  }
  in_flight_ -= static_cast<uint32_t>(taken);
  return taken;
}

void PreadQueue::Cancel(uint64_t user_data) {
  const auto is_it = [user_data](const RawRead& read) { return read.user_data == user_data; };
  const std::lock_guard lock(mutex_);
  if (queued_.Remove(is_it) || submitted_.Remove(is_it)) completed_.Push({.user_data = user_data, .result = -ECANCELED});
}

void PreadQueue::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    has_work_.wait(lock, [this] { return stopping_ || !submitted_.empty(); });
    if (stopping_) return;
    const RawRead read = submitted_.Pop();
    lock.unlock();
    const RawCompletion completion = Execute(read);
    lock.lock();
    completed_.Push(completion);
    has_completions_.notify_one();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadQueue>> OpenPreadQueue(const ReadQueueOptions& options) {
  auto queue = std::make_unique<PreadQueue>(options);
  PENSTOCK_RETURN_IF_ERROR(queue->StartThreads(options.thread_count));
  return queue;
}

}  // namespace penstock::driver
