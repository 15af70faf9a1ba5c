// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/lane.h"

#include <isa-l/crc.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint32_t kSamples = 64;                               // of a lane, spread over the measured time
constexpr absl::Duration kLongWait = absl::Milliseconds(100);   // between looks at the schedule
constexpr absl::Duration kSlotsWait = absl::Microseconds(100);  // when a slot may end before a read does
constexpr uint64_t kSpinNs = 20'000;                            // for which a slot is looked at without a pause
constexpr absl::Duration kWakeUp = absl::Microseconds(50);      // for which a thread may sleep too long
constexpr absl::Duration kFinishTimeout = absl::Seconds(60);
constexpr absl::Duration kDrainTimeout = absl::Seconds(10);

size_t SecondsOf(const Job& job) { return static_cast<size_t>(std::ceil(job.runtime_seconds)) + 2; }

}  // namespace

Lane::Lane(const Job& job, uint32_t index, const LaneParts& parts, absl::Span<const VolumePart> volume_parts,
           const Schedule& schedule)
    : job_(job),
      parts_(parts),
      schedule_(schedule),
      pattern_(job, index, volume_parts),
      kernel_makes_crc_(parts.operation != nullptr && job.operation == "crc32c"),
      kernel_verifies_(parts.operation != nullptr && job.operation == "verify"),
      interval_ns_(job.rate_reads > 0 ? 1e9 / job.rate_reads : 0),
      ns_per_byte_(job.rate_bytes > 0 ? 1e9 / job.rate_bytes : 0),
      entries_(parts.pool->buffer_count()),
      results_(job.iodepth) {
  for (std::vector<uint32_t>* list : {&free_, &waiting_, &landed_, &published_}) list->reserve(entries_.size());
  for (uint32_t buffer = static_cast<uint32_t>(entries_.size()); buffer-- > 0;) free_.push_back(buffer);
  series_.reserve(SecondsOf(job));
  samples_.reserve(kSamples);
  if (parts.device != nullptr) slot_timer_.emplace(*parts.device);
}

absl::Status Lane::Run() {
  prctl(PR_SET_TIMERSLACK, 1UL);  // Linux may add 50 us to every wait otherwise, and a read that is due waits for them.
  next_due_ns_ = static_cast<double>(schedule_.begin_ns);
  next_sample_ns_ = schedule_.measure_ns;
  second_end_ns_ = schedule_.measure_ns + kSecondNs;
  absl::Status status = slot_timer_.has_value() ? slot_timer_->Begin() : absl::OkStatus();
  if (status.ok()) status = Loop();
  if (status.ok()) status = FinishInFlight();
  if (status.ok()) return status;
  memory_in_use_ = !parts_.reader->Drain(kDrainTimeout).ok();
  return status;
}

bool Lane::IsOver(uint64_t now_ns) const { return now_ns >= schedule_.end_ns.load(std::memory_order_relaxed); }

absl::Status Lane::Loop() {
  uint64_t now_ns = MonotonicNs();
  while (!IsOver(now_ns)) {
    PENSTOCK_RETURN_IF_ERROR(Begin(now_ns));
    PENSTOCK_RETURN_IF_ERROR(Wait(now_ns));
    PENSTOCK_RETURN_IF_ERROR(Publish());
    PENSTOCK_RETURN_IF_ERROR(Reap());
    if (slot_timer_.has_value()) PENSTOCK_RETURN_IF_ERROR(slot_timer_->Keep(now_ns));
    now_ns = MonotonicNs();
    if (!first_call_.has_value() && now_ns >= schedule_.measure_ns) first_call_ = parts_.reader->queue().system_call_count();
    if (now_ns < second_end_ns_) continue;
    CloseSecond(now_ns);
    if (parts_.device != nullptr) PENSTOCK_RETURN_IF_ERROR(parts_.device->Check());
  }
  const uint64_t calls = parts_.reader->queue().system_call_count();
  system_calls_ = calls - first_call_.value_or(calls);
  return absl::OkStatus();
}

// --- reading ---

absl::Status Lane::Begin(uint64_t now_ns) {
  const uint32_t in_flight = parts_.reader->in_flight();
  const size_t room = std::min<size_t>(free_.size(), job_.iodepth - in_flight);
  // A batch that cannot be filled any more is what there is.
  if (room < job_.batch_submit && in_flight + published_.size() + landed_.size() > 0) return absl::OkStatus();
  for (size_t count = room; count > 0 && static_cast<double>(now_ns) >= next_due_ns_; --count) {
    PENSTOCK_RETURN_IF_ERROR(StartRead(now_ns));
  }
  return absl::OkStatus();
}

absl::Status Lane::StartRead(uint64_t now_ns) {
  const uint32_t buffer = free_.back();
  free_.pop_back();
  Entry& entry = entries_[buffer];
  entry.read = pattern_.Next();
  const double interval_ns = interval_ns_ + ns_per_byte_ * entry.read.length_bytes;
  entry.moments = {.due_ns = interval_ns > 0 ? static_cast<uint64_t>(next_due_ns_) : now_ns};
  next_due_ns_ += interval_ns;
  waiting_.push_back(buffer);
  return parts_.reader->Start({.tag = buffer,
                               .volume = parts_.volumes[entry.read.volume],
                               .offset_bytes = entry.read.offset_bytes,
                               .length_bytes = entry.read.length_bytes,
                               .destination = parts_.pool->buffer(buffer)});
}

absl::Duration Lane::WaitTimeout(uint64_t now_ns) const {
  if (now_ns < spin_until_ns_ && !published_.empty()) return absl::ZeroDuration();
  absl::Duration timeout = published_.empty() && landed_.empty() ? kLongWait : kSlotsWait;
  const double until_due_ns = next_due_ns_ - static_cast<double>(now_ns);
  if (until_due_ns > 0 && !free_.empty()) timeout = std::min(timeout, absl::Nanoseconds(until_due_ns));
  return timeout;
}

absl::Status Lane::Wait(uint64_t now_ns) {
  if (parts_.reader->in_flight() == 0) {
    // Until a little before the next one is due, and the loop spins for the rest: waking up late would be the read's latency.
    if (published_.empty()) absl::SleepFor(WaitTimeout(now_ns) - kWakeUp);
    return absl::OkStatus();
  }
  if (!waiting_.empty()) {
    const uint64_t handed_ns = MonotonicNs();
    for (const uint32_t buffer : waiting_) entries_[buffer].moments.handed_ns = handed_ns;
    waiting_.clear();
  }
  PENSTOCK_ASSIGN_OR_RETURN(const size_t count, parts_.reader->Wait(absl::MakeSpan(results_), WaitTimeout(now_ns)));
  return count == 0 ? absl::OkStatus() : TakeReads(count, MonotonicNs());
}

absl::Status Lane::TakeReads(size_t count, uint64_t taken_ns) {
  for (const ChunkResult& result : absl::MakeSpan(results_.data(), count)) {
    PENSTOCK_RETURN_IF_ERROR(result.status);
    const auto buffer = static_cast<uint32_t>(result.tag);
    Entry& entry = entries_[buffer];
    if (result.bytes < entry.read.length_bytes) {
      return MakeError(absl::StatusCode::kOutOfRange,
                       What(absl::StrCat(parts_.volumes[entry.read.volume]->name(), " ended at byte ",
                                         entry.read.offset_bytes + result.bytes, " while it was read")),
                       Fix("read a volume that nobody makes shorter"));
    }
    entry.moments.taken_ns = taken_ns;
    if (parts_.device != nullptr) {
      landed_.push_back(buffer);
      continue;
    }
    entry.moments.ended_ns = taken_ns;
    End(buffer, WantsSample(entry) ? CrcOf(buffer) : 0);
  }
  return absl::OkStatus();
}

// --- the device ---

/// The oldest first. Where the ring is full, which it is until its oldest slot is reaped, the rest is tried again.
absl::Status Lane::Publish() {
  if (landed_.empty()) return absl::OkStatus();
  if (parts_.pool->is_device_memory()) parts_.device->FlushPeerWrites();
  LiveRing& ring = parts_.device->ring();
  const size_t count = std::min<size_t>(landed_.size(), ring.free_slots(layout::Priority::kNormal));
  for (size_t at = 0; at < count; ++at) {
    const uint32_t buffer = landed_[at];
    Entry& entry = entries_[buffer];
    const LandedChunk chunk = {
        .range = {parts_.buffer_handle, uint64_t{buffer} * parts_.pool->buffer_bytes(), entry.read.length_bytes},
        .buffer_index = buffer,
        .source_offset = entry.read.offset_bytes};
    entry.moments.published_ns = MonotonicNs();
    PENSTOCK_ASSIGN_OR_RETURN(entry.ticket, ring.Publish(parts_.operation->MakeWork(chunk)));
    published_.push_back(buffer);
    spin_until_ns_ = entry.moments.published_ns + kSpinNs;
  }
  landed_.erase(landed_.begin(), landed_.begin() + static_cast<ptrdiff_t>(count));
  return absl::OkStatus();
}

absl::Status Lane::Reap() {
  size_t kept = 0;
  for (size_t at = 0; at < published_.size(); ++at) {
    const uint32_t buffer = published_[at];
    Completion completion;
    if (!parts_.device->ring().TryReap(entries_[buffer].ticket, completion)) {
      published_[kept++] = buffer;
      continue;
    }
    PENSTOCK_RETURN_IF_ERROR(TakeSlot(entries_[buffer], completion));
    End(buffer, static_cast<uint32_t>(completion.result));
  }
  published_.resize(kept);
  return absl::OkStatus();
}

absl::Status Lane::TakeSlot(Entry& entry, const Completion& completion) {
  entry.moments.ended_ns = MonotonicNs();
  slot_timer_->Note(completion.times, entry.moments);
  PENSTOCK_RETURN_IF_ERROR(completion.ToStatus(job_.operation));
  if (!kernel_verifies_) return absl::OkStatus();
  if (completion.result != layout::kNoDifference) {
    return MakeError(absl::StatusCode::kDataLoss,
                     What(absl::StrCat(parts_.volumes[entry.read.volume]->name(), " is not the pattern at byte ",
                                       entry.read.offset_bytes + completion.result)),
                     Fix("read a volume that was filled with the pattern from its first byte on, or use --op=crc32c"));
  }
  verified_bytes_ += entry.read.length_bytes;
  return absl::OkStatus();
}

// --- measuring ---

void Lane::End(uint32_t buffer, uint32_t crc32c) {
  const Entry& entry = entries_[buffer];
  free_.push_back(buffer);
  ++all_reads_;
  all_bytes_ += entry.read.length_bytes;
  const uint64_t ended_ns = entry.moments.ended_ns;
  if (ended_ns < schedule_.measure_ns || IsOver(ended_ns)) return;
  stages_.Record(entry.moments);
  second_latency_.Record(ended_ns - entry.moments.due_ns);
  ++second_.reads;
  second_.bytes += entry.read.length_bytes;
  progress_.reads.store(stages_.total.count(), std::memory_order_relaxed);
  progress_.bytes.store(progress_.bytes.load(std::memory_order_relaxed) + entry.read.length_bytes, std::memory_order_relaxed);
  if (WantsSample(entry)) TakeSample(entry, crc32c);
}

/// Of a read in a device's memory only the kernel can tell a CRC.
bool Lane::WantsSample(const Entry& entry) const {
  if (!kernel_makes_crc_ && (parts_.device != nullptr || parts_.pool->is_device_memory())) return false;
  return entry.moments.ended_ns >= next_sample_ns_ && samples_.size() < kSamples;
}

uint32_t Lane::CrcOf(uint32_t buffer) const {
  auto* const bytes = reinterpret_cast<unsigned char*>(parts_.pool->buffer(buffer).data());
  return ~crc32_iscsi(bytes, static_cast<int>(entries_[buffer].read.length_bytes), ~0u);
}

void Lane::TakeSample(const Entry& entry, uint32_t crc32c) {
  samples_.push_back({entry.read.volume, entry.read.offset_bytes, entry.read.length_bytes, crc32c});
  next_sample_ns_ = entry.moments.ended_ns + static_cast<uint64_t>(job_.runtime_seconds * 1e9 / kSamples);
}

/// A lane that was kept from running for seconds has none of them without a row.
void Lane::CloseSecond(uint64_t now_ns) {
  while (now_ns >= second_end_ns_) {
    second_.p99_ns = second_latency_.Percentile(0.99);
    if (series_.size() < series_.capacity()) series_.push_back(second_);
    progress_.p99_ns.store(second_.p99_ns, std::memory_order_relaxed);
    second_ = {};
    second_latency_ = {};
    second_end_ns_ += kSecondNs;
  }
}

/// Ends what is in flight, as it would have ended; it is no longer counted.
absl::Status Lane::FinishInFlight() {
  const uint64_t begin_ns = MonotonicNs();
  for (uint64_t now_ns = begin_ns; parts_.reader->in_flight() + landed_.size() + published_.size() > 0; now_ns = MonotonicNs()) {
    if (absl::Nanoseconds(now_ns - begin_ns) > kFinishTimeout) {
      return MakeError(absl::StatusCode::kDeadlineExceeded,
                       What(absl::StrCat(parts_.reader->in_flight(), " reads and ", published_.size(), " slots have not ended ",
                                         absl::FormatDuration(kFinishTimeout), " after the run")),
                       Fix("look in the kernel log (dmesg) for the volume and the GPU"));
    }
    PENSTOCK_RETURN_IF_ERROR(Wait(now_ns));
    PENSTOCK_RETURN_IF_ERROR(Publish());
    PENSTOCK_RETURN_IF_ERROR(Reap());
  }
  return absl::OkStatus();
}

}  // namespace penstock::bench
