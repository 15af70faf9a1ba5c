// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/reader.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "driver/nvme_status.h"
#include "driver/read_error.h"
#include "driver/rounding.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
constexpr absl::Duration kDestructorDrain = absl::Seconds(5);

uint64_t ToNs(absl::Duration duration) { return static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(duration))); }

using driver::RoundDown;
using driver::RoundUp;

/// Generations of two readers start far apart, so that a late completion of one that is gone pairs with no read of the next.
uint32_t FirstGeneration() {
  static std::atomic<uint32_t> readers{0};  // Only counts: no partner.
  return readers.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B9u;
}

/// What the block layer makes of trouble with bytes on the device (Linux: blk_errors), which one bad sector brings over a whole
/// command.
bool IsOfTheMedium(int error_number) { return error_number == EIO || error_number == ENODATA || error_number == EILSEQ; }

bool MayRetry(uint16_t nvme_status) { return driver::MeaningOfNvmeStatus(driver::DecodeNvmeStatus(nvme_status)).may_retry; }

absl::Status Invalid(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

}  // namespace

/// One chunk read. At most one raw read of it is in the queue at a time.
struct Reader::Entry {
  enum class State : uint8_t {
    kFree,
    kInQueue,  // the queue has its raw read, and will complete it once
    kKept,     // its next raw read waits: for room in the queue, or because one of the two is to be alone
  };
  enum class GiveUp : uint8_t { kNo, kOverdue, kAsked };

  State state = State::kFree;
  GiveUp give_up = GiveUp::kNo;
  bool alone = false;  // it is being tried again with nothing else in flight that the kernel could merge it with
  uint32_t index = 0;
  uint32_t generation = 0;  // a new one for each raw read: a completion that comes twice pairs with nothing
  uint32_t raw_begin = 0;   // where the current raw read begins, in bytes from the chunk's start
  uint32_t landed = 0;      // bytes that are there, from the chunk's start
  uint32_t retries = 0;     // in a row
  uint64_t started_ns = 0;
  ChunkRead read;

  uint64_t user_data() const { return uint64_t{generation} << 32 | index; }
  driver::Extent extent() const { return {*read.volume, read.offset_bytes, read.length_bytes, read.direction}; }
};

Reader::Reader(ReadQueue& queue, const Options& options)
    : queue_(queue),
      options_(options),
      read_timeout_ns_(ToNs(options.read_timeout)),
      entries_(options.depth),
      earliest_deadline_ns_(kNever),
      completions_(options.depth) {
  PENSTOCK_CHECK(options.depth >= 1 && options.depth <= queue.capacity());
  const uint32_t generation = FirstGeneration();
  free_entries_.reserve(options.depth);
  for (uint32_t index = options.depth; index-- > 0;) {
    entries_[index].index = index;
    entries_[index].generation = generation;
    free_entries_.push_back(index);
  }
}

Reader::~Reader() {
  if (in_flight() > 0) Drain(kDestructorDrain).IgnoreError();
}

uint32_t Reader::in_flight() const { return options_.depth - static_cast<uint32_t>(free_entries_.size()); }

uint32_t Reader::AlignmentOf(const Volume& volume) const { return volume.support(queue_.path()).offset_alignment_bytes; }

absl::Status Reader::Check(const ChunkRead& read) const {
  PENSTOCK_CHECK(read.volume != nullptr);
  const Volume& volume = *read.volume;
  const PathSupport& support = volume.support(queue_.path());
  if (!volume.Supports(queue_.path())) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(support.refusal.cause), Fix(support.refusal.remedy));
  }
  const uint32_t alignment = support.offset_alignment_bytes;
  const uint64_t room_bytes = RoundUp(read.length_bytes, alignment);
  if (read.length_bytes == 0)
    return Invalid(absl::StrCat("a chunk of 0 bytes of ", volume.name()), "read or write at least 1 byte");
  if (read.offset_bytes % alignment != 0) {
    return Invalid(
        absl::StrCat("offset ", read.offset_bytes, " of ", volume.name(), " is not a multiple of ", alignment, " bytes"),
        "start chunks at multiples of the volume's offset alignment, or use path pread");
  }
  if (room_bytes > std::numeric_limits<uint32_t>::max() || read.offset_bytes > INT64_MAX - room_bytes) {
    return Invalid(
        absl::StrCat(read.length_bytes, " bytes at offset ", read.offset_bytes, " of ", volume.name(), " end beyond any file"),
        "use a smaller offset or length");
  }
  if (read.destination.size() < room_bytes) {
    return Invalid(absl::StrCat("a destination of ", read.destination.size(), " bytes for ", read.length_bytes, " bytes of ",
                                volume.name(), ", which are read ", alignment, " at a time"),
                   absl::StrCat("give it at least ", room_bytes, " bytes"));
  }
  if (reinterpret_cast<uintptr_t>(read.destination.data()) % support.memory_alignment_bytes != 0) {
    return Invalid(absl::StrCat("a destination that does not start at a multiple of ", support.memory_alignment_bytes, " bytes"),
                   "use the start of a pool's buffer");
  }
  return read.direction == Direction::kRead ? absl::OkStatus() : CheckWrite(read, alignment);
}

/// What a read may leave to the kernel, a write may not: it would hit bytes of somebody else, or make a file longer.
absl::Status Reader::CheckWrite(const ChunkRead& write, uint32_t alignment) const {
  const Volume& volume = *write.volume;
  if (!volume.writable()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat(volume.name(), " was opened for reading only")),
                     Fix("open it with Volume::OpenForWriting if it is to be written"));
  }
  if (write.length_bytes % alignment != 0) {
    return Invalid(absl::StrCat("a write of ", write.length_bytes, " bytes to ", volume.name(), ", which is written ", alignment,
                                " bytes at a time"),
                   "write whole blocks of that size, or use path pread");
  }
  // A file may have been cut off since it was opened, and a write past its end would make it longer.
  uint64_t size_bytes = volume.size_bytes();
  if (volume.block_bytes() == 1) {
    PENSTOCK_ASSIGN_OR_RETURN(const uint64_t size_now_bytes, volume.CurrentSizeBytes());
    size_bytes = std::min(size_bytes, size_now_bytes);
  }
  if (write.offset_bytes > size_bytes || write.length_bytes > size_bytes - write.offset_bytes) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat(driver::ActOn({volume, write.offset_bytes, write.length_bytes, write.direction}),
                                       " would go past its end, which is byte ", size_bytes)),
                     Fix("write within the size that the volume has: nothing is made longer"));
  }
  return absl::OkStatus();
}

absl::Status Reader::Start(const ChunkRead& read) {
  if (free_entries_.empty()) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     What(absl::StrCat(options_.depth, " reads are in flight, all that fit")),
                     Fix("call Wait, then start the read again"));
  }
  PENSTOCK_RETURN_IF_ERROR(Check(read));
  Entry& entry = entries_[free_entries_.back()];
  free_entries_.pop_back();
  entry.read = read;
  entry.give_up = Entry::GiveUp::kNo;
  entry.raw_begin = entry.landed = entry.retries = 0;
  entry.started_ns = MonotonicNs();
  earliest_deadline_ns_ = std::min(earliest_deadline_ns_, entry.started_ns + read_timeout_ns_);
  ++counts_.submitted;
  QueueRaw(entry);
  return absl::OkStatus();
}

/// A read that is to be alone waits for the others of its device, and they for it. Cost: nothing while none is.
bool Reader::MustWait(const Entry& entry) const {
  if (alone_count_ == 0) return false;
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
    if (&other == &entry || other.state == Entry::State::kFree) return false;
    if (other.read.volume->file_system() != entry.read.volume->file_system()) return false;
    return entry.alone ? other.state == Entry::State::kInQueue : other.alone;
  });
}

/// Queues the raw read for what has not landed yet, from the last aligned boundary; keeps it for later if it must wait or the
/// queue is full.
void Reader::QueueRaw(Entry& entry) {
  const ChunkRead& read = entry.read;
  const uint32_t alignment = AlignmentOf(*read.volume);
  if (entry.state != Entry::State::kKept) ++entry.generation;
  entry.raw_begin = static_cast<uint32_t>(RoundDown(entry.landed, alignment));
  const RawRead raw{
      .user_data = entry.user_data(),
      .volume = read.volume,
      .offset_bytes = read.offset_bytes + entry.raw_begin,
      .length_bytes = static_cast<uint32_t>(RoundUp(read.length_bytes, alignment) - entry.raw_begin),
      .destination = read.destination.data() + entry.raw_begin,
      .direction = read.direction,
  };
  const bool queued = !MustWait(entry) && queue_.TryQueue(raw);
  const auto before = std::exchange(entry.state, queued ? Entry::State::kInQueue : Entry::State::kKept);
  kept_count_ += entry.state == Entry::State::kKept;
  kept_count_ -= before == Entry::State::kKept;
}

/// Queues raw reads that were kept; those that are to be given up end here, since the queue knows nothing of them.
size_t Reader::QueueKept(absl::Span<ChunkResult> results) {
  size_t stored = 0;
  for (Entry& entry : entries_) {
    if (kept_count_ == 0) break;
    if (entry.state != Entry::State::kKept) continue;
    if (entry.give_up == Entry::GiveUp::kNo) {
      QueueRaw(entry);
    } else if (stored < results.size()) {
      --kept_count_;
      results[stored++] = Finish(entry, GivenUp(entry), MonotonicNs());
    }
  }
  return stored;
}

/// Fills completions_ unless some are left. Wakes up in time for the next deadline.
absl::Status Reader::WaitForCompletions(absl::Duration timeout) {
  if (next_completion_ < completion_count_) return queue_.Submit();
  if (timeout > absl::ZeroDuration() && earliest_deadline_ns_ != kNever) {
    const uint64_t now_ns = MonotonicNs();
    const uint64_t left_ns = earliest_deadline_ns_ - std::min(earliest_deadline_ns_, now_ns);
    timeout = std::min(timeout, absl::Nanoseconds(left_ns));
  }
  next_completion_ = completion_count_ = 0;
  PENSTOCK_ASSIGN_OR_RETURN(completion_count_, queue_.Wait(absl::MakeSpan(completions_), timeout));
  return absl::OkStatus();
}

absl::StatusOr<size_t> Reader::Wait(absl::Span<ChunkResult> results, absl::Duration timeout) {
  PENSTOCK_CHECK(!results.empty());
  size_t stored = QueueKept(results);
  const absl::Status waited = WaitForCompletions(stored > 0 ? absl::ZeroDuration() : timeout);
  const uint64_t now_ns = MonotonicNs();
  while (next_completion_ < completion_count_ && stored < results.size()) {
    const RawCompletion& completion = completions_[next_completion_];
    Entry* const entry = Find(completion.user_data);
    if (entry == nullptr && stored > 0) break;  // What has finished goes first: an error would lose it.
    ++next_completion_;
    if (entry == nullptr) {
      return MakeError(absl::StatusCode::kInternal,
                       What(absl::StrCat("a completion with user_data ", absl::Hex(completion.user_data), " and result ",
                                         completion.result, " belongs to no read in flight")),
                       Fix("report it as a bug, and do not trust this queue any more"));
    }
    if (auto ended = Advance(*entry, completion)) results[stored++] = Finish(*entry, *std::move(ended), now_ns);
  }
  CancelOverdue(now_ns);
  if (stored == 0 && !waited.ok()) return waited;
  return stored;
}

Reader::Entry* Reader::Find(uint64_t user_data) {
  const uint64_t index = user_data & 0xFFFFFFFFu;
  if (index >= entries_.size()) return nullptr;
  Entry& entry = entries_[index];
  return entry.state == Entry::State::kInQueue && entry.user_data() == user_data ? &entry : nullptr;
}

/// Takes in a raw result. How the chunk ended, or nullopt when another raw read is under way.
std::optional<absl::Status> Reader::Advance(Entry& entry, const RawCompletion& completion) {
  if (completion.result < 0) return RetryOrFail(entry, completion);
  const uint64_t end = entry.raw_begin + static_cast<uint64_t>(completion.result);
  // A file ends where a read brings nothing, or where two reads agree that it does: one short read proves nothing. The end may
  // lie before what landed earlier, if the file was truncated since.
  const bool at_end = completion.result == 0 || end == entry.landed;
  if (end > entry.landed) entry.retries = 0;
  // Bytes past the chunk are the rest of its last block, or of a file that has grown.
  entry.landed = static_cast<uint32_t>(std::min<uint64_t>(end, entry.read.length_bytes));
  if (entry.give_up == Entry::GiveUp::kOverdue) return GivenUp(entry);
  if (entry.landed == entry.read.length_bytes) return absl::OkStatus();
  if (at_end) return entry.read.direction == Direction::kRead ? absl::OkStatus() : Stopped(entry);
  if (entry.give_up == Entry::GiveUp::kAsked) return GivenUp(entry);
  ++counts_.resubmitted;
  QueueRaw(entry);
  return std::nullopt;
}

std::optional<absl::Status> Reader::RetryOrFail(Entry& entry, const RawCompletion& completion) {
  const auto error_number = static_cast<int>(-completion.result);
  const bool by_controller = completion.nvme_status != 0;
  const bool passing = by_controller ? MayRetry(completion.nvme_status) : error_number == EINTR || error_number == EAGAIN;
  const bool is_given_up = entry.give_up != Entry::GiveUp::kNo;
  if (is_given_up && (passing || error_number == ECANCELED)) return GivenUp(entry);
  // One that is given up has been cancelled already, and nobody would cancel it again.
  if (IsOfTheMedium(error_number) && !is_given_up && !by_controller && queue_.path() == ReadPath::kRead && !entry.alone) {
    TryAlone(entry);
    return std::nullopt;
  }
  const uint32_t limit = by_controller ? options_.nvme_retry_limit : options_.retry_limit;
  if (!passing || entry.retries >= limit) {
    return by_controller ? driver::NvmeReadError(completion.nvme_status, queue_.path(), entry.extent())
                         : driver::ReadError(error_number, queue_.path(), entry.extent());
  }
  ++entry.retries;
  ++counts_.resubmitted;
  QueueRaw(entry);
  return std::nullopt;
}

/// The block layer makes one command of neighbouring reads, and fails all of them for the bad sector of one. What fails alone has
/// the bad sector itself.
void Reader::TryAlone(Entry& entry) {
  entry.alone = true;
  ++alone_count_;
  ++counts_.resubmitted;
  QueueRaw(entry);
}

absl::Status Reader::GivenUp(const Entry& entry) const {
  const std::string what = driver::ActOn(entry.extent());
  const bool is_read = entry.read.direction == Direction::kRead;
  if (entry.give_up == Entry::GiveUp::kOverdue) {
    return MakeError(
        absl::StatusCode::kDeadlineExceeded,
        What(absl::StrCat(what, " took longer than ", absl::FormatDuration(options_.read_timeout), " and was given up after ",
                          entry.landed, " bytes")),
        Fix(is_read ? "look in the kernel log (dmesg) for the device, or raise read_timeout"
                    : "look in the kernel log (dmesg) for the device, or raise read_timeout; what the extent holds is "
                      "not known, and may change until the kernel has let go of the write"));
  }
  return MakeError(absl::StatusCode::kCancelled, What(absl::StrCat(what, " was cancelled after ", entry.landed, " bytes")),
                   Fix(is_read ? "start the read again" : "start the write again: what the extent holds now is not known"));
}

/// A write that brings nothing onto the volume, and no error, would be tried for ever.
absl::Status Reader::Stopped(const Entry& entry) const {
  return MakeError(absl::StatusCode::kUnavailable,
                   What(absl::StrCat(driver::ActOn(entry.extent()), " stopped after ", entry.landed,
                                     " bytes: the kernel took no more, and gave no error")),
                   Fix("check the size of the volume and the kernel log (dmesg), then write again"));
}

ChunkResult Reader::Finish(Entry& entry, absl::Status status, uint64_t now_ns) {
  entry.state = Entry::State::kFree;
  alone_count_ -= std::exchange(entry.alone, false);
  free_entries_.push_back(entry.index);
  if (in_flight() == 0) earliest_deadline_ns_ = kNever;
  ++(status.ok() ? counts_.completed : counts_.failed);
  return {.tag = entry.read.tag, .bytes = entry.landed, .latency_ns = now_ns - entry.started_ns, .status = std::move(status)};
}

/// All reads have the same timeout, so one comparison is enough until the earliest deadline passes; then all are looked at.
void Reader::CancelOverdue(uint64_t now_ns) {
  if (now_ns < earliest_deadline_ns_) return;
  earliest_deadline_ns_ = kNever;
  for (Entry& entry : entries_) {
    if (entry.state == Entry::State::kFree || entry.give_up != Entry::GiveUp::kNo) continue;
    const uint64_t deadline_ns = entry.started_ns + read_timeout_ns_;
    if (now_ns < deadline_ns) {
      earliest_deadline_ns_ = std::min(earliest_deadline_ns_, deadline_ns);
    } else {
      entry.give_up = Entry::GiveUp::kOverdue;
      if (entry.state == Entry::State::kInQueue) queue_.Cancel(entry.user_data());
    }
  }
}

void Reader::CancelAll() {
  for (Entry& entry : entries_) {
    if (entry.state == Entry::State::kFree || entry.give_up != Entry::GiveUp::kNo) continue;
    entry.give_up = Entry::GiveUp::kAsked;
    if (entry.state == Entry::State::kInQueue) queue_.Cancel(entry.user_data());
  }
}

absl::Status Reader::Drain(absl::Duration timeout) {
  CancelAll();
  const uint64_t begin_ns = MonotonicNs();
  const uint64_t timeout_ns = ToNs(timeout);
  ChunkResult results[16];
  for (uint64_t gone_ns = 0; in_flight() > 0; gone_ns = MonotonicNs() - begin_ns) {
    if (gone_ns > timeout_ns) {
      return MakeError(
          absl::StatusCode::kDeadlineExceeded,
          What(absl::StrCat(in_flight(), " cancelled reads are still in flight after ", absl::FormatDuration(timeout))),
          Fix("keep their memory, and drain again or end the process"));
    }
    // An error of one Wait does not end the draining: what matters is that nothing is in flight any more.
    if (!Wait(absl::MakeSpan(results), absl::Nanoseconds(timeout_ns - gone_ns)).ok()) absl::SleepFor(absl::Milliseconds(1));
  }
  return absl::OkStatus();
}

}  // namespace penstock
