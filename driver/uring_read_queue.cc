// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Path "read": io_uring on the O_DIRECT descriptor, into memory that is registered once. A device's memory cannot be registered;
// there the kernel pins the pages of each read.
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
  UringReadQueue(std::unique_ptr<Uring> uring, std::optional<RegisteredPool> registered, uint32_t depth)
      : uring_(std::move(uring)), registered_(registered), depth_(depth) {}
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

 private:
  std::unique_ptr<Uring> uring_;
  const std::optional<RegisteredPool> registered_;
  const uint32_t depth_;
  uint32_t in_flight_ = 0;
};

bool UringReadQueue::TryQueue(const RawRead& read) {
  PENSTOCK_CHECK(read.user_data != Uring::kOwnUserData);
  if (in_flight_ == depth_) return false;
  io_uring_sqe* const entry = uring_->TryGetEntry();
  if (entry == nullptr) return false;
  const int fd = read.volume->support(path()).fd;
  if (registered_.has_value()) {
    const int index = registered_->IndexOf(read.destination);
    io_uring_prep_read_fixed(entry, fd, read.destination, read.length_bytes, read.offset_bytes, index);
  } else {
    io_uring_prep_read(entry, fd, read.destination, read.length_bytes, read.offset_bytes);
  }
  uring_->UseRegisteredFile(*entry, fd);
  entry->user_data = read.user_data;
  ++in_flight_;
  return true;
}

absl::StatusOr<size_t> UringReadQueue::Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) {
  const absl::Status entered = uring_->Wait(timeout);
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
  return std::make_unique<UringReadQueue>(std::move(uring), registered, options.depth);
}

}  // namespace penstock::driver
