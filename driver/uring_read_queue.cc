// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Path "read": io_uring on the O_DIRECT descriptor, into or from memory that is registered once. A device's memory cannot be
// registered; there the kernel pins the pages of each read or write.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "driver/read_queues.h"
#include "driver/registered_pool.h"
#include "driver/uring.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

constexpr size_t kBatch = 64;

class UringReadQueue final : public ReadQueue {
 public:
  UringReadQueue(std::unique_ptr<Uring> uring, std::optional<RegisteredPool> registered, const ReadQueueOptions& options)
      : uring_(std::move(uring)), registered_(registered), depth_(options.depth), wait_count_(options.wait_count) {}
  ~UringReadQueue() override;

  ReadPath path() const override { return ReadPath::kRead; }
  uint32_t capacity() const override { return depth_; }
  void Attach(const Volume& volume) override { uring_->RegisterFile(volume.support(path()).fd); }
  void Detach(const Volume& volume) override { uring_->UnregisterFile(volume.support(path()).fd); }
  bool TryQueue(const RawRead& read) override;
  absl::Status Submit() override { return uring_->Submit(); }
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override;
  void Cancel(uint64_t user_data) override { uring_->Cancel(user_data); }
  uint64_t bounce_bytes() const override { return 0; }
  uint64_t system_call_count() const override { return uring_->enter_count(); }

 private:
  std::unique_ptr<Uring> uring_;
  const std::optional<RegisteredPool> registered_;
  const uint32_t depth_;
  const uint32_t wait_count_;
  uint32_t in_flight_ = 0;
};

bool UringReadQueue::TryQueue(const RawRead& read) {
  PENSTOCK_CHECK(read.user_data != Uring::kOwnUserData);
  if (in_flight_ == depth_) return false;
  io_uring_sqe* const entry = uring_->TryGetEntry();
  if (entry == nullptr) return false;
  const int fd = read.volume->support(path()).fd;
  const bool is_read = read.direction == Direction::kRead;
  if (registered_.has_value()) {
    const int index = registered_->IndexOf(read.destination);
    const int operation = is_read ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
    io_uring_prep_rw(operation, entry, fd, read.destination, read.length_bytes, read.offset_bytes);
    entry->buf_index = static_cast<uint16_t>(index);
  } else {
    const int operation = is_read ? IORING_OP_READ : IORING_OP_WRITE;
    io_uring_prep_rw(operation, entry, fd, read.destination, read.length_bytes, read.offset_bytes);
  }
  uring_->UseRegisteredFile(*entry, fd);
  entry->user_data = read.user_data;
  ++in_flight_;
  return true;
}

absl::StatusOr<size_t> UringReadQueue::Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) {
  const absl::Status entered = uring_->Wait(timeout, std::clamp(wait_count_, 1u, std::max(in_flight_, 1u)));
  UringCompletion taken[kBatch];
  size_t stored = 0;
  for (size_t count = 1; count > 0 && stored < completions.size();) {
    count = uring_->Take(absl::MakeSpan(taken, std::min(kBatch, completions.size() - stored)));
    for (size_t i = 0; i < count; ++i) completions[stored++] = {.user_data = taken[i].user_data, .result = taken[i].result};
  }
  in_flight_ -= static_cast<uint32_t>(stored);
  if (stored == 0 && !entered.ok()) return entered;  // Otherwise what has come goes first; a lasting error comes again.
  return stored;
}

UringReadQueue::~UringReadQueue() {
  if (in_flight_ == 0) return;
  uring_->Cancel(0, IORING_ASYNC_CANCEL_ANY);
  TakeWhatIsInFlight(*this, in_flight_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadQueue>> OpenUringQueue(const BufferPool& pool, const ReadQueueOptions& options) {
  PENSTOCK_ASSIGN_OR_RETURN(
      std::unique_ptr<Uring> uring,
      Uring::Open({.entries = 2 * options.depth, .poll_device = options.poll_device, .kernel_thread = options.kernel_thread}));
  std::optional<RegisteredPool> registered;
  if (!pool.is_device_memory()) {
    PENSTOCK_ASSIGN_OR_RETURN(registered, RegisteredPool::Register(*uring, pool));
  }
  return std::make_unique<UringReadQueue>(std::move(uring), registered, options);
}

}  // namespace penstock::driver
