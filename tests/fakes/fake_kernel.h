// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device's part of live I/O queues (layout/live_io.h) in plain host memory: slots, tickets, bells and ends, without a kernel.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "penstock/device/cpu_io_alarm.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/live_io.h"
#include "penstock/layout/slot.h"
#include "penstock/live_io_queues.h"

namespace penstock::fakes {

inline constexpr layout::IoRequest kFence = {layout::kIoFence, 0, 0, 0, 0, 0};

/// The memory of the queues of one device.
class FakeKernel {
 public:
  explicit FakeKernel(u32 queue_count) : queues_(queue_count), bells_(layout::IoBellCount(queue_count)) {}

  LiveIoQueues live() { return {absl::MakeSpan(queues_), absl::MakeSpan(bells_), &alarm_}; }
  layout::LiveIoQueue& queue(u32 index) { return queues_[index]; }
  u64& bell(u32 index) { return bells_[layout::kFirstIoBell + index]; }
  layout::IoAlarm& alarm() { return alarm_; }
  layout::IoServiceState state() const {
    return static_cast<layout::IoServiceState>(layout::LoadAcquire<layout::Scope::kSystem>(&bells_[layout::kIoStateBell]));
  }

 private:
  std::vector<layout::LiveIoQueue> queues_;
  std::vector<u64> bells_;
  layout::IoAlarm alarm_ = {};
};

/// Requests of one queue. Threads: one at a time, its only requester.
class FakeRequester {
 public:
  struct Ended {
    u32 slot = 0;
    u32 tag = 0;
    layout::IoEnd end = {};
  };

  FakeRequester(FakeKernel& kernel, u32 queue)
      : queue_(kernel.queue(queue)), bell_(kernel.bell(queue)), alarm_(kernel.alarm()), rings_(true) {}

  /// A device that cannot ring, as a GPU.
  void DoNotRing() { rings_ = false; }

  u64 in_flight() const { return ~free_; }
  bool HasRoom() const { return free_ != 0; }

  /// Takes a slot and fills it. Requires: HasRoom().
  u32 Fill(const layout::IoRequest& request) {
    const auto slot = static_cast<u32>(std::countr_zero(free_));
    free_ &= ~(u64{1} << slot);
    layout::IoSlot words = {};
    layout::EncodeIoRequest(request, words);
    Rewrite(slot, words);
    Store(&queue_.slot[slot].status, layout::kPublished);
    return slot;
  }

  /// What no good requester does while the slot is claimed.
  void Rewrite(u32 slot, const layout::IoSlot& words) {
    layout::IoSlot& to = queue_.slot[slot];
    Store(&to.op_type, words.op_type);
    Store(&to.source_handle, words.source_handle);
    Store(&to.destination_handle, words.destination_handle);
    Store(&to.offset_low, words.offset_low);
    Store(&to.offset_high, words.offset_high);
    Store(&to.byte_count, words.byte_count);
    Store(&to.tag, words.tag);
  }

  /// Gives the slot the next ticket.
  void Announce(u32 slot) {
    const u32 ticket = next_ticket_++;
    layout::StoreRelease<layout::Scope::kSystem>(&queue_.order[ticket % layout::kMaxIoSlots], layout::IoOrderCell(ticket, slot));
    if (rings_) device::RingIoAlarm(alarm_);
  }

  u32 Post(const layout::IoRequest& request) {
    const u32 slot = Fill(request);
    Announce(slot);
    return slot;
  }

  bool HasEnded(u32 slot) const { return ((Toggled() & in_flight()) >> slot & 1) != 0; }

  /// One of the requests that have ended, whose slot is free then; nothing if none has.
  std::optional<Ended> TryTake() {
    const u64 ended = Toggled() & in_flight();
    if (ended == 0) return std::nullopt;
    return Take(static_cast<u32>(std::countr_zero(ended)));
  }

  /// Requires: HasEnded(slot).
  Ended Take(u32 slot) {
    layout::IoSlot& words = queue_.slot[slot];
    Ended ended{.slot = slot, .tag = Load(&words.tag), .end = {}};
    ended.end.cause = Load(&queue_.end[slot].cause);
    ended.end.bytes = Load(&queue_.end[slot].bytes);
    const u32 wanted = ended.end.ok() ? layout::kIoOk : layout::kIoError;
    if (layout::LoadAcquire<layout::Scope::kSystem>(&words.status) != wanted) ++bad_statuses_;
    Store(&words.status, layout::kEmpty);
    seen_bell_ ^= u64{1} << slot;
    free_ |= u64{1} << slot;
    return ended;
  }

  /// The end of the slot's request, which leaves the slot free; nothing after `timeout`.
  std::optional<Ended> WaitFor(u32 slot, absl::Duration timeout = absl::Seconds(30)) {
    const absl::Time deadline = absl::Now() + timeout;
    while (!HasEnded(slot)) {
      if (absl::Now() > deadline) return std::nullopt;
      std::this_thread::yield();
    }
    return Take(slot);
  }

  layout::IoSlot& words(u32 slot) { return queue_.slot[slot]; }
  /// Ends whose slot had the wrong status.
  u32 bad_statuses() const { return bad_statuses_; }
  void SetNextTicket(u32 ticket) { next_ticket_ = ticket; }

 private:
  static void Store(u32* word, u32 value) { layout::StoreRelaxed<layout::Scope::kSystem>(word, value); }
  static u32 Load(const u32* word) { return layout::LoadRelaxed<layout::Scope::kSystem>(word); }
  /// Bits that were toggled and not yet taken.
  u64 Toggled() const { return layout::LoadAcquire<layout::Scope::kSystem>(&bell_) ^ seen_bell_; }

  layout::LiveIoQueue& queue_;
  u64& bell_;
  layout::IoAlarm& alarm_;
  bool rings_;
  u64 free_ = ~u64{0};
  u64 seen_bell_ = 0;
  u32 next_ticket_ = 0;
  u32 bad_statuses_ = 0;
};

}  // namespace penstock::fakes
