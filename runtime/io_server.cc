// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_server.h"

#include <sys/prctl.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "penstock/clock.h"
#include "penstock/device/cpu_io_alarm.h"
#include "runtime/io_causes.h"
#include "runtime/io_check.h"
#include "runtime/io_sleep.h"

namespace penstock {
namespace {

using layout::IoCause;
using layout::IoEnd;

constexpr u32 kShare = 16;                                     // requests of a queue in its turn
constexpr uint64_t kBusyNs = 50'000;                           // how long it is looked without waiting after something happened
constexpr uint64_t kIdleParts = 64;                            // how much of the time that it was idle it sleeps at once
constexpr absl::Duration kWait = absl::Microseconds(50);       // for transfers, while requests may come
constexpr absl::Duration kDrainWait = absl::Milliseconds(10);  // for transfers, when none may
constexpr uint64_t kLastLookNs = 2'000'000;                    // for requests that were being made while the service stopped

IoEnd Ended(IoCause cause, u32 bytes = 0) { return {static_cast<u32>(cause), bytes}; }

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

IoServer::IoServer(const Parts& parts, u32 first, u32 step)
    : options_(parts.options),
      alarm_(*parts.queues.alarm),
      tables_(parts.tables),
      log_(parts.log),
      tally_(parts.tally),
      trace_(parts.options.request_times) {
  const LiveIoQueues& live = parts.queues;
  for (size_t q = first; q < live.queues.size(); q += step) {
    queues_.emplace_back(static_cast<u32>(queues_.size()), live.queues[q], live.bells[layout::kFirstIoBell + q]);
  }
}

void IoServer::Run() {
  prctl(PR_SET_TIMERSLACK, 1000);  // ns: a wait of 50 us would otherwise take 100
  lanes_.emplace(tables_, options_, log_);
  last_progress_ns_ = MonotonicNs();
  while (!stop_requested_.load(std::memory_order_acquire)) {
    Sync();
    now_ns_ = MonotonicNs();
    bool progress = TakeAll();
    progress |= Collect(absl::ZeroDuration());
    progress |= PublishEnds();
    if (progress) {
      last_progress_ns_ = now_ns_;
    } else {
      WaitForWork();
    }
  }
  EndRequests();
  Drain();
}

void IoServer::Sync() {
  if (lanes_->IsOutdated()) lanes_->Sync();
  // A request that names what is newer may have made the lanes look already.
  const u64 version = lanes_->version();
  if (version != seen_version_.load(std::memory_order_relaxed)) seen_version_.store(version, std::memory_order_release);
}

// --- requests ---

/// One turn of every queue. True if anything was taken or started. Whoever is the first to get something is the last in the next
/// turn: so where there is too little room for all, each comes to be first, also behind one that cannot be served at all.
bool IoServer::TakeAll() {
  std::optional<size_t> first;
  size_t index = next_queue_;
  for (size_t count = queues_.size(); count > 0; --count) {
    if (TakeShare(queues_[index]) && !first.has_value()) first = index;
    index = After(index);
  }
  if (first.has_value()) next_queue_ = After(*first);
  return first.has_value();
}

bool IoServer::TakeShare(Queue& queue) {
  bool progress = false;
  for (u32 count = 0; count < kShare; ++count) {
    if (!queue.held.has_value()) {
      const std::optional<IoIntake::Taken> taken = queue.intake.TakeNext();
      if (!taken.has_value()) break;
      progress = true;
      Admit(queue, *taken);
    }
    if (!queue.held.has_value()) continue;
    if (!TryStart(queue, *queue.held)) break;
    queue.held.reset();
    progress = true;
  }
  const uint64_t errors = queue.intake.protocol_errors();
  tally_.protocol_errors.Add(errors - std::exchange(queue.counted_errors, errors));
  return progress;
}

/// A request is checked once, and ends here or is held until there is room.
void IoServer::Admit(Queue& queue, const IoIntake::Taken& taken) {
  Flight& flight = queue.flights[taken.slot];
  flight = {.request = taken.request, .times = {.taken_ns = trace_.Now(now_ns_)}};
  tally_.requests.Add(1);
  if (is_stopping_) return End(queue, taken.slot, Ended(IoCause::kServiceStopped));
  if (taken.request.op_type == layout::kIoFence) {
    tally_.fences.Add(1);
    return queue.intake.EndAfterOthers(taken.slot);
  }
  const IoCause cause = Prepare(flight);
  if (cause != IoCause::kNone) return End(queue, taken.slot, Ended(cause));
  queue.held = taken.slot;
}

/// Looks up what the request names, and checks it against that. The rows stay pinned until its end.
IoCause IoServer::Prepare(Flight& flight) {
  const layout::IoRequest& request = flight.request;
  if (request.op_type != layout::kIoRead && request.op_type != layout::kIoWrite) return IoCause::kBadOperation;
  flight.source = tables_.PinSource(request.source_handle);
  if (flight.source == nullptr) return IoCause::kBadSource;
  flight.destination = tables_.PinDestination(request.destination_handle);
  if (flight.destination == nullptr) return IoCause::kBadDestination;
  const IoCause cause = CheckIoRequest(request, *flight.source, *flight.destination);
  if (cause != IoCause::kNone) return cause;
  flight.path = flight.source->routes[static_cast<size_t>(flight.destination->kind)]->path;
  flight.reader = lanes_->Find(*flight.source, *flight.destination, flight.path);
  return flight.reader != nullptr ? IoCause::kNone : IoCause::kRefusedByPath;
}

/// False if there is no room. A read that cannot be started ends.
bool IoServer::TryStart(Queue& queue, u32 slot) {
  Flight& flight = queue.flights[slot];
  const u32 volume = flight.source->volume_index;
  if (volume >= volume_reads_.size()) volume_reads_.resize(volume + 1);
  if (!flight.reader->HasRoom() || volume_reads_[volume] >= lanes_->most_of_a_volume()) return false;
  flight.times.started_ns = trace_.Now(now_ns_);
  const IoCause cause = Start(queue, slot);
  if (cause == IoCause::kNone) {
    ++volume_reads_[volume];
  } else {
    End(queue, slot, Ended(cause));
  }
  return true;
}

IoCause IoServer::Start(const Queue& queue, u32 slot) {
  const Flight& flight = queue.flights[slot];
  const bool is_write = flight.request.op_type == layout::kIoWrite;
  const absl::Status status = flight.reader->Start({.tag = queue.TagOf(slot),
                                                    .volume = flight.source->volume,
                                                    .offset_bytes = flight.source->base_bytes + flight.request.offset_bytes,
                                                    .length_bytes = flight.request.byte_count,
                                                    .destination = flight.destination->memory,
                                                    .direction = is_write ? Direction::kWrite : Direction::kRead});
  if (!status.ok()) log_.Add(std::string(status.message()));
  return IoCauseOf(status);
}

// --- ends ---

void IoServer::TakeResult(const ChunkResult& result) {
  Queue& queue = queues_[result.tag / layout::kMaxIoSlots];
  const auto slot = static_cast<u32>(result.tag % layout::kMaxIoSlots);
  Flight& flight = queue.flights[slot];
  --volume_reads_[flight.source->volume_index];
  if (is_quiet_) return Release(flight);  // Its request has ended already.
  flight.times.reaped_ns = trace_.Now(now_ns_);
  landed_in_device_memory_ |= flight.destination->kind == IoMemory::kDevice;
  tally_.transfer_ns.Add(result.latency_ns);
  IoCause cause = IoCauseOf(result.status);
  if (cause == IoCause::kNone && result.bytes < flight.request.byte_count) cause = IoCause::kEndedEarly;
  if (cause == IoCause::kRefusedByPath) log_.Add(std::string(result.status.message()));
  End(queue, slot, Ended(cause, result.bytes));
}

void IoServer::End(Queue& queue, u32 slot, IoEnd end) {
  Flight& flight = queue.flights[slot];
  if (flight.reader != nullptr) {
    IoTally::Path& path = tally_.paths[static_cast<size_t>(flight.path)];
    path.requests.Add(1);
    path.bytes.Add(end.bytes);
    path.failed.Add(end.ok() ? 0 : 1);
    tally_.bytes.Add(end.bytes);
  }
  Release(flight);
  queue.intake.End(slot, end);
}

void IoServer::Release(Flight& flight) {
  if (flight.source != nullptr) tables_.UnpinSource(flight.request.source_handle);
  if (flight.destination != nullptr) tables_.UnpinDestination(flight.request.destination_handle);
  flight.source = nullptr;
  flight.destination = nullptr;
}

/// Tells the kernel of every end that was noted, once a queue. True if there was any.
bool IoServer::PublishEnds() {
  if (std::none_of(queues_.begin(), queues_.end(), [](const Queue& queue) { return queue.intake.HasEnds(); })) return false;
  if (landed_in_device_memory_ && options_.flush) options_.flush();
  landed_in_device_memory_ = false;
  lanes_->AddUse(tally_);
  const uint64_t now_ns = MonotonicNs();
  for (Queue& queue : queues_) {
    if (!queue.intake.HasEnds()) continue;
    if (trace_.on()) NoteTimes(queue);
    for (u64 left = queue.intake.PublishEnds(); left != 0; left &= left - 1) {
      const auto slot = static_cast<u32>(std::countr_zero(left));
      tally_.ended[queue.intake.end(slot).cause].Add(1);
      tally_.service_ns.Add(now_ns - queue.flights[slot].times.taken_ns);
    }
    tally_.batches.Add(1);
  }
  device::RingDevice(alarm_);
  return true;
}

/// Before the ends are published: so who sees one finds its times.
void IoServer::NoteTimes(Queue& queue) {
  const uint64_t now_ns = trace_.Now(now_ns_);
  for (u64 left = queue.intake.noted(); left != 0; left &= left - 1) {
    Flight& flight = queue.flights[static_cast<size_t>(std::countr_zero(left))];
    if (flight.request.op_type == layout::kIoFence) continue;
    flight.times.told_ns = now_ns;
    trace_.Note(flight.request.tag, flight.times);
  }
}

// --- waiting ---

/// Submits what was started, and takes what has ended. True if there was any.
bool IoServer::Collect(absl::Duration timeout) {
  if (!lanes_->readers().AnyInFlight()) return false;
  bool any = false;
  const absl::Status status = lanes_->readers().Wait(timeout, [&](const ChunkResult& result) {
    any = true;
    TakeResult(result);
  });
  if (status.ok()) return any;
  log_.Add(std::string(status.message()));
  absl::SleepFor(absl::Milliseconds(1));  // A queue that fails is no reason to take a processor.
  return any;
}

bool IoServer::HasWork() const {
  if (stop_requested_.load(std::memory_order_acquire) || lanes_->IsOutdated()) return true;
  return std::any_of(queues_.begin(), queues_.end(), [](const Queue& queue) { return queue.intake.HasNext(); });
}

void IoServer::WaitForWork() {
  const uint64_t idle_ns = now_ns_ - last_progress_ns_;
  if (idle_ns < kBusyNs) return Pause();
  if (!lanes_->readers().AnyInFlight()) {
    const absl::Duration longest = absl::Nanoseconds(idle_ns / kIdleParts);
    IoSleep(alarm_, std::max(options_.idle_sleep, std::min(longest, options_.longest_idle_sleep)), [this] { return HasWork(); });
    tally_.sleeps.Add(1);
  } else if (Collect(kWait)) {
    PublishEnds();
    last_progress_ns_ = MonotonicNs();
  }
}

// --- stopping ---

void IoServer::RequestStop(uint64_t deadline_ns) {
  stop_deadline_ns_.store(deadline_ns, std::memory_order_relaxed);
  stop_requested_.store(true, std::memory_order_release);
}

bool IoServer::AnyInFlight() const {
  return std::any_of(queues_.begin(), queues_.end(), [](const Queue& queue) { return queue.intake.in_flight() != 0; });
}

/// Every request ends: those that wait at once, those in flight when their transfers do, or at the deadline. Requests that were
/// being made while the kernel was told are waited for a little.
void IoServer::EndRequests() {
  is_stopping_ = true;
  EndWhatIsHeld();
  lanes_->readers().CancelAll();
  uint64_t last_request_ns = MonotonicNs();
  const uint64_t deadline_ns = stop_deadline_ns_.load(std::memory_order_relaxed);
  while (true) {
    now_ns_ = MonotonicNs();
    if (TakeAll()) last_request_ns = now_ns_;
    Collect(kWait);
    PublishEnds();
    if (now_ns_ >= deadline_ns) break;
    if (AnyInFlight()) continue;
    if (now_ns_ - last_request_ns >= kLastLookNs) break;
    absl::SleepFor(kWait);
  }
  for (Queue& queue : queues_) queue.intake.EndAll(Ended(IoCause::kServiceStopped));
  PublishEnds();
  is_quiet_ = true;
  quiet_.store(true, std::memory_order_release);
}

void IoServer::EndWhatIsHeld() {
  for (Queue& queue : queues_) {
    if (queue.held.has_value()) End(queue, *queue.held, Ended(IoCause::kServiceStopped));
    queue.held.reset();
  }
}

/// Waits for transfers whose requests have ended all the same, for as long as it takes: their memory is in use.
void IoServer::Drain() {
  while (lanes_->readers().AnyInFlight()) {
    Collect(kDrainWait);
    Sync();
  }
  lanes_.reset();
  drained_.store(true, std::memory_order_release);
}

}  // namespace penstock
