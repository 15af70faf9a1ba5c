// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Path "read": READ_FIXED on the O_DIRECT descriptor, into memory that is registered once.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/uring.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"

namespace penstock {
namespace {

using driver::Uring;

// The ring holds twice as many requests (each read and its cancellation), and the kernel's limit is 32768.
constexpr uint32_t kMaxDepth = 16384;
// The kernel's limit for one registered buffer.
constexpr size_t kMaxRegionBytes = size_t{1} << 30;
constexpr absl::Duration kCloseTimeout = absl::Seconds(1);

class UringReadQueue final : public ReadQueue {
 public:
  UringReadQueue(std::unique_ptr<Uring> uring, const BufferPool& pool, size_t region_bytes, uint32_t depth)
      : uring_(std::move(uring)), memory_(pool.memory()), region_bytes_(region_bytes), depth_(depth) {}
  ~UringReadQueue() override;

  ReadPath path() const override { return ReadPath::kRead; }
  uint32_t capacity() const override { return depth_; }
  void Attach(const Volume& volume) override { uring_->RegisterFile(volume.direct_fd()); }
  void Detach(const Volume& volume) override { uring_->UnregisterFile(volume.direct_fd()); }
  bool TryQueue(const RawRead& read) override;
  absl::Status Submit() override { return uring_->Submit(); }
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override;
  void Cancel(uint64_t user_data) override { QueueCancel(user_data, 0); }
  uint64_t bounce_bytes() const override { return 0; }

 private:
  void QueueCancel(uint64_t user_data, int flags);

  std::unique_ptr<Uring> uring_;
  const absl::Span<std::byte> memory_;
  const size_t region_bytes_;
  const uint32_t depth_;
  uint32_t in_flight_ = 0;
};

bool UringReadQueue::TryQueue(const RawRead& read) {
  PENSTOCK_CHECK(read.user_data != Uring::kOwnUserData);
  if (in_flight_ == depth_) return false;
  io_uring_sqe* const entry = uring_->TryGetEntry();
  if (entry == nullptr) return false;
  // The kernel checks the range: a destination outside the registered memory ends in EFAULT.
  const size_t region =
      (reinterpret_cast<uintptr_t>(read.destination) - reinterpret_cast<uintptr_t>(memory_.data())) / region_bytes_;
  const int fd = read.volume->direct_fd();
  io_uring_prep_read_fixed(entry, fd, read.destination, read.length_bytes, read.offset_bytes, static_cast<int>(region));
  uring_->UseRegisteredFile(*entry, fd);
  entry->user_data = read.user_data;
  ++in_flight_;
  return true;
}

absl::StatusOr<size_t> UringReadQueue::Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) {
  const absl::Status entered = uring_->Wait(timeout);
  const size_t taken = uring_->Take(completions);
  in_flight_ -= static_cast<uint32_t>(taken);
  if (taken == 0 && !entered.ok()) return entered;  // Otherwise what has come goes first; a lasting error comes again.
  return taken;
}

void UringReadQueue::QueueCancel(uint64_t user_data, int flags) {
  io_uring_sqe* entry = uring_->TryGetEntry();
  if (entry == nullptr && uring_->Submit().ok()) entry = uring_->TryGetEntry();
  if (entry == nullptr) return;
  io_uring_prep_cancel64(entry, user_data, flags);
  entry->user_data = Uring::kOwnUserData;
}

/// Whoever started reads drains them first; this is for when that went wrong. Reads that outlast it do no harm: the kernel holds
/// the registered pages until they are done, so they are not used for anything else.
UringReadQueue::~UringReadQueue() {
  if (in_flight_ == 0) return;
  QueueCancel(0, IORING_ASYNC_CANCEL_ANY);
  const uint64_t deadline_ns = MonotonicNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(kCloseTimeout));
  RawCompletion completions[16];
  for (uint64_t now_ns = MonotonicNs(); in_flight_ > 0 && now_ns < deadline_ns; now_ns = MonotonicNs()) {
    if (!Wait(absl::MakeSpan(completions), absl::Nanoseconds(deadline_ns - now_ns)).ok()) return;
  }
}

absl::Status CheckSizes(const BufferPool& pool, uint32_t depth) {
  if (depth == 0 || depth > kMaxDepth) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("io_uring queue depth ", depth, " is not in 1..", kMaxDepth)),
                     Fix(absl::StrCat("set depth to at most ", kMaxDepth)));
  }
  if (pool.buffer_bytes() > kMaxRegionBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("a buffer of ", pool.buffer_bytes(), " bytes is more than io_uring can register (1 GiB)")),
                     Fix("use buffers of at most 1 GiB"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReadQueue>> OpenUringReadQueue(const BufferPool& pool, uint32_t depth) {
  PENSTOCK_RETURN_IF_ERROR(CheckSizes(pool, depth));
  PENSTOCK_ASSIGN_OR_RETURN(std::unique_ptr<Uring> uring, Uring::Open(2 * depth));
  // No buffer lies across two regions, so every read is inside one.
  const size_t region_bytes = kMaxRegionBytes / pool.buffer_bytes() * pool.buffer_bytes();
  std::vector<absl::Span<std::byte>> regions;
  for (size_t at = 0; at < pool.memory().size(); at += region_bytes) regions.push_back(pool.memory().subspan(at, region_bytes));
  PENSTOCK_RETURN_IF_ERROR(uring->RegisterMemory(regions));
  return std::make_unique<UringReadQueue>(std::move(uring), pool, region_bytes, depth);
}

}  // namespace penstock
