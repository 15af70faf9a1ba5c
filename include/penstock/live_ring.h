// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The host's end of the ring that a resident megakernel reads: publish, reap, wait.
//
// The ring is five sub-rings, one a priority. A slot's place is its sequence number modulo the sub-ring's size; the doorbell
// line carries the tails. Storage is handed in, so that it can be plain, pinned, shared or device memory.
//
// Ordering, host to device:  payload, then STATUS = PUBLISHED, then the tail with release.
// Ordering, device to host:  result words, then STATUS = DONE or FAULT with release; TryReap acquires the status.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/data_op.h"
#include "penstock/layout/doorbell.h"
#include "penstock/layout/fault.h"
#include "penstock/layout/packed_slot.h"
#include "penstock/layout/slot.h"
#include "penstock/layout/slot_times.h"

namespace PENSTOCK_API penstock {

/// Names a published slot until it is reaped.
struct Ticket {
  layout::Priority priority = layout::Priority::kNormal;  // which sub-ring
  u32 sequence = 0;                                       // within the sub-ring, modulo 2^32
};

/// What to publish. Words of `argument` that the opcode does not read may hold anything.
struct Work {
  u32 opcode = layout::kNop;                              // which handler
  u32 tenant = 0;                                         // whose rights and quota
  layout::Priority priority = layout::Priority::kNormal;  // which sub-ring
  std::array<u32, layout::kArgumentCount> argument = {};  // what the handler reads
};

/// Work on a range of a registered buffer; what else the opcode reads is still to be filled in.
inline Work RangeWork(u32 opcode, const layout::Range& range) {
  Work work = {.opcode = opcode};
  layout::EncodeRange(range, work.argument.data());
  return work;
}

/// How a slot ended.
struct Completion {
  Ticket ticket;                                           // of the slot
  layout::FaultReason fault = layout::FaultReason::kNone;  // kNone: it ended well
  u32 fault_detail = 0;                                    // see FaultReason
  u64 result = 0;                                          // 0 after a fault
  layout::SlotTimes times = {};                            // 0 without DeviceOptions::slot_times, or ended by a lost device

  /// The slot ended as DONE.
  bool ok() const { return fault == layout::FaultReason::kNone; }
  /// OK, or the fault as an error that names `what` (e.g. "CRC32C of chunk 7").
  absl::Status ToStatus(std::string_view what) const;
};

/// Threads: one thread at a time; the device is the other side and runs at any time. Nothing allocates but the errors.
class LiveRing {
 public:
  /// Memory that the ring lies in; borrowed.
  struct Storage {
    absl::Span<layout::Slot> slots;            // at least the sum of slot_counts; all words 0
    layout::Doorbell* doorbell = nullptr;      // all words 0
    absl::Span<layout::SlotTimes> times = {};  // as many as slots, or none
  };

  /// Slots of a sub-ring, at most.
  static constexpr u32 kMaxSubRingSlots = 1u << 20;

  /// Argument words that the device's handler of an opcode reads, or layout::kUnknownOpcodeArguments.
  using ArgumentCount = u32 (*)(u32 opcode);

  /// Sizes of a ring.
  struct Options {
    std::array<u32, layout::kPriorityCount> slot_counts = {256, 256, 256, 256, 256};  // powers of two, 1 to 2^20
    u32 first_sequence = 0;                                                           // of every sub-ring
    ArgumentCount argument_count = nullptr;                                           // needed for packed slots
  };

  /// Borrows the storage. Errors: InvalidArgument for counts that are no power of two or storage that is too small.
  static absl::StatusOr<LiveRing> Create(const Storage& storage, const Options& options);

  // Of two copies neither would know what the other has published: it moves, and is not copied.
  LiveRing(LiveRing&&) = default;
  LiveRing& operator=(LiveRing&&) = default;

  /// Where sub-ring `priority` starts in the storage; at kPriorityCount, the number of slots.
  u32 partition_offset(u32 priority) const { return offset_[priority]; }
  /// Slots of all sub-rings together.
  u32 slot_count() const { return offset_[layout::kPriorityCount]; }

  /// Slots of the sub-ring that can be published now: none of one that there is not. It shrinks with Publish and grows when its
  /// oldest slot is reaped.
  u32 free_slots(layout::Priority priority) const;
  /// Slots published and not yet reaped.
  u32 in_flight() const { return in_flight_; }

  /// Publishes a slot; the device may run it before this returns. Never blocks, makes no system call.
  /// Errors, with nothing written: ResourceExhausted when the sub-ring is full: reap, then try again; InvalidArgument for an
  /// opcode that is reserved, or a packed payload that the device would refuse.
  absl::StatusOr<Ticket> Publish(const Work& work);

  /// Whether `ticket` was published and is not yet reaped.
  bool IsInFlight(const Ticket& ticket) const;

  /// Takes the slot's outcome if it has ended. Never blocks. A fault is acknowledged by this.
  /// Requires: IsInFlight(ticket).
  bool TryReap(const Ticket& ticket, Completion& completion);

  /// Takes the oldest slot of the sub-ring that is not yet reaped, if it has ended: reaping in ring order.
  bool TryReapNext(layout::Priority priority, Completion& completion);

  /// Waits at most `timeout` for the slot to end, and reaps it. Spins briefly, then sleeps in growing steps of up to 200 us.
  /// Requires: as TryReap. Errors: DeadlineExceeded: the slot is still in flight and can be waited for again.
  absl::StatusOr<Completion> Wait(const Ticket& ticket, absl::Duration timeout);

  /// Tells the device to leave its loop, or takes that back.
  void SetShutdown(bool shutdown);
  /// Tells the device that the tenant table has changed, and begins a new epoch of quotas. The device takes it over at one of
  /// its next looks at the doorbell.
  void BeginEpoch();
  /// The epoch of the tenant table that is published with tails.
  u32 epoch() const { return epoch_; }

  /// Ends every slot in flight that the device has not ended as FAULT kDeviceLost, for TryReap and Wait to return.
  /// Requires: the device is lost, and will not touch the ring any more.
  void EndAsLost();

  /// One line a slot that is not EMPTY, oldest first in each sub-ring, and a line of counts: for people. Any thread may call it
  /// while the ring is live; a slot that changes meanwhile is shown as it was at some moment.
  std::string Dump() const;

 private:
  struct SubRing {
    u32 tail = 0;    // next sequence number to publish
    u32 oldest = 0;  // oldest sequence number that is not yet reaped
  };

  /// Why a slot cannot be published.
  enum class Obstacle { kNone, kPriority, kOpcode, kPackedSlot, kFull, kSlotTouched };

  LiveRing() = default;
  u32 SlotIndex(const Ticket& ticket) const;
  layout::SlotTimes TimesOf(u32 index) const;
  Obstacle FindObstacle(const Work& work) const;
  layout::PackedError ValidatePacked(const Work& work) const;
  absl::Status ErrorOf(Obstacle obstacle, const Work& work) const;
  void DumpSubRing(u32 priority, std::string& text) const;

  absl::Span<layout::Slot> slots_;
  absl::Span<layout::SlotTimes> times_;
  layout::Doorbell* doorbell_ = nullptr;
  std::array<u32, layout::kPriorityCount + 1> offset_ = {};
  std::array<SubRing, layout::kPriorityCount> sub_rings_;
  std::vector<u8> reaped_;  // by slot index, 0 or 1: published and reaped, or never published
  ArgumentCount argument_count_ = nullptr;
  u32 in_flight_ = 0;
  u32 epoch_ = 0;
};

}  // namespace penstock
