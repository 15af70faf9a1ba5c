// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/fakes/fake_read_queue.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/time/clock.h"
#include "penstock/error.h"

namespace penstock::fakes {
namespace {

// A read that nothing goes wrong with: as if late by no Wait at all.
constexpr Fault kNoFault{.kind = FaultKind::kLate, .value = 1};

bool IsMisaligned(const RawRead& read) {
  const Volume& volume = *read.volume;
  return read.offset_bytes % volume.support(ReadPath::kRead).offset_alignment_bytes != 0 ||
         read.length_bytes % volume.support(ReadPath::kRead).offset_alignment_bytes != 0 ||
         reinterpret_cast<uintptr_t>(read.destination) % volume.support(ReadPath::kRead).memory_alignment_bytes != 0;
}

}  // namespace

uint32_t FakeReadQueue::submitted_in_flight() const {
  return static_cast<uint32_t>(std::count_if(pending_.begin(), pending_.end(), [](const Pending& p) { return p.submitted; }));
}

Fault FakeReadQueue::TakeFault(uint64_t offset_bytes) {
  for (Fault& fault : script_) {
    if (fault.times == 0 || (fault.offset_bytes != Fault::kAnyOffset && fault.offset_bytes != offset_bytes)) continue;
    --fault.times;
    return fault;
  }
  return kNoFault;
}

bool FakeReadQueue::TryQueue(const RawRead& read) {
  if (refusals_ > 0) {
    --refusals_;
    return false;
  }
  if (pending_.size() == options_.capacity) return false;
  reads_.push_back(read);
  ++queued_count_;
  pending_.push_back({.read = read, .fault = TakeFault(read.offset_bytes)});
  return true;
}

absl::Status FakeReadQueue::Submit() {
  if (failing_submits_ > 0) {
    --failing_submits_;
    return MakeErrnoError(absl::StatusCode::kUnavailable, EBUSY, What("the fake was told to refuse"), Fix("try again"));
  }
  for (Pending& pending : pending_) pending.submitted = true;
  return absl::OkStatus();
}

/// Called once for each Wait, which is what late reads count.
bool FakeReadQueue::IsReady(Pending& pending) const {
  switch (pending.fault.kind) {
    case FaultKind::kStuckForEver: return false;
    case FaultKind::kStuckUntilCancelled: return pending.cancelled;
    case FaultKind::kHeld:
    case FaultKind::kHeldError: return released_.load();
    case FaultKind::kLate: return pending.fault.value-- <= 1;
    default: return true;
  }
}

int64_t FakeReadQueue::Deliver(const RawRead& read, size_t length_bytes) {
  const int fd = read.volume->support(ReadPath::kPread).fd;
  const auto offset = static_cast<off_t>(read.offset_bytes);
  if (read.direction == Direction::kWrite) {
    const ssize_t result = pwrite(fd, read.destination, length_bytes, offset);
    return result >= 0 ? result : -errno;
  }
  std::byte* const to = options_.cache == nullptr ? read.destination : options_.cache->Hold(read.destination, length_bytes);
  const ssize_t result = pread(fd, to, length_bytes, offset);
  return result >= 0 ? result : -errno;
}

RawCompletion FakeReadQueue::Complete(const Pending& pending) {
  const RawRead& read = pending.read;
  RawCompletion completion{.user_data = read.user_data, .result = read.length_bytes};
  if (pending.fault.kind == FaultKind::kStuckUntilCancelled) {
    completion.result = -ECANCELED;
  } else if (pending.fault.kind == FaultKind::kError || pending.fault.kind == FaultKind::kHeldError) {
    completion.result = -static_cast<int64_t>(pending.fault.value);
  } else if (pending.fault.kind == FaultKind::kNvmeStatus) {
    completion.result = -EIO;
    completion.nvme_status = static_cast<uint16_t>(pending.fault.value);
  } else if (options_.path == ReadPath::kRead && IsMisaligned(read)) {
    completion.result = -EINVAL;
  } else if (pending.fault.kind == FaultKind::kShort) {
    completion.result = Deliver(read, std::min<uint64_t>(pending.fault.value, read.length_bytes));
  } else if (pending.fault.kind != FaultKind::kNothingDelivered) {
    completion.result = Deliver(read, read.length_bytes);
  }
  if (pending.fault.kind == FaultKind::kWrongByte) read.destination[0] = ~read.destination[0];
  if (options_.path == ReadPath::kPread) bounce_bytes_ += static_cast<uint64_t>(std::max<int64_t>(completion.result, 0));
  return completion;
}

absl::StatusOr<size_t> FakeReadQueue::Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) {
  PENSTOCK_RETURN_IF_ERROR(Submit());
  if (interrupted_) {
    interrupted_ = false;
    return 0;
  }
  if (options_.shuffle) std::shuffle(pending_.begin(), pending_.end(), random_);
  std::vector<Pending> left;
  for (Pending& pending : pending_) {
    if (extra_.size() >= completions.size() || !IsReady(pending)) {
      left.push_back(pending);
      continue;
    }
    extra_.push_back(Complete(pending));
    if (pending.fault.kind == FaultKind::kTwice) extra_.push_back(extra_.back());
  }
  pending_ = std::move(left);
  const size_t taken = std::min(extra_.size(), completions.size());
  std::copy_n(extra_.begin(), taken, completions.begin());
  extra_.erase(extra_.begin(), extra_.begin() + static_cast<ptrdiff_t>(taken));
  if (taken == 0 && timeout > absl::ZeroDuration()) absl::SleepFor(std::min(timeout, absl::Milliseconds(1)));
  return taken;
}

void FakeReadQueue::Cancel(uint64_t user_data) {
  ++cancel_count_;
  for (Pending& pending : pending_) pending.cancelled |= pending.read.user_data == user_data;
}

}  // namespace penstock::fakes
