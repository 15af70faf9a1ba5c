// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An I/O queue as bytes: at most 64 slots, in which one side asks for bytes and the other one serves or announces them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/io_slot.h"
#include "penstock/layout/live_io.h"

namespace PENSTOCK_API penstock {

/// Makes `bytes` an I/O queue of `slots` EMPTY slots: exactly 32 zero bytes a slot, in the storage that `bytes` has if it is
/// large enough. Errors: InvalidArgument above 64 slots; `bytes` is as it was.
absl::Status EncodeEmptyIoQueue(u32 slots, std::vector<std::byte>& bytes);

/// Checks that `bytes` can be an I/O queue. Returns its number of slots.
/// Errors: InvalidArgument, with a text of its own for each: not a multiple of 4 bytes, not a multiple of 32, more than 64 slots,
/// not aligned to words.
absl::StatusOr<u32> IoQueueSlotsIn(absl::Span<const std::byte> bytes);

/// Where a slot begins, in bytes. Errors: OutOfRange ("overflow") if that is no u32.
absl::StatusOr<u32> IoSlotOffsetBytes(u32 slot_id);

/// What a slot asks for or announces: its words, copied once.
struct IoPosting {
  u32 slot_id;              // slot of the queue
  layout::IoRequest words;  // what the slot says
};

/// How the host ends a request.
struct IoCompletion {
  u32 slot_id;        // slot of the queue
  layout::IoEnd end;  // OK if it has no cause, else ERROR
};

/// How a request ended, as its requester sees it.
struct IoFinished {
  u32 slot_id;                       // slot of the queue
  u32 tag;                           // the requester's own
  bool ok;                           // it ended well
  std::optional<layout::IoEnd> end;  // none if the queue has no ends beside it
};

/// Slots in memory that somebody else owns. A plain handle: copies see the same slots.
///
/// A request goes EMPTY, PUBLISHED (Submit), CLAIMED (ClaimRequests), OK or ERROR (Complete), EMPTY (PollCompletions). An
/// announcement goes EMPTY, PUBLISHED (Announce), EMPTY (PollAnnouncements). Which of the two a slot holds is told by its
/// operation, and each member looks at one of the two alone. A refused call writes nothing.
///
/// What is polled replaces what the vector held, in the order of slots, and in its storage if that is large enough; otherwise
/// exactly what was found is allocated. If the allocation throws, no status has changed.
///
/// Errors, of every member that names a slot: OutOfRange ("valid slot id", or "overflow") for one that the queue has not.
/// Threads: one thread requests (Submit, PollCompletions, PollAnnouncements) and one serves (the others), at the same time.
/// Nothing arbitrates an EMPTY slot between Submit and Announce: the two sides agree which slots are for which.
/// Ordering: a status is stored with release after the words and the end that it covers, and loaded with acquire before they are
/// read. Nothing is a read-modify-write, so either side may be across a bus.
class IoQueueView {
 public:
  /// A view of all of `bytes`. With `ends`, one for each slot, completions carry bytes and cause there; without, OK or ERROR.
  /// Errors: as IoQueueSlotsIn; InvalidArgument if there are fewer ends than slots, but some.
  static absl::StatusOr<IoQueueView> Over(absl::Span<std::byte> bytes, absl::Span<layout::IoEnd> ends = {});

  /// Slots of the queue.
  u32 slot_count() const { return slot_count_; }

  // The requester.

  /// Asks for what `request` says: READ, WRITE or FENCE.
  /// Errors: InvalidArgument for another operation; ResourceExhausted while the slot is in flight; FailedPrecondition while its
  /// last end has not been polled.
  absl::Status Submit(u32 slot_id, const layout::IoRequest& request) const;
  /// Takes every request that is OK or ERROR, once: its slot is EMPTY afterwards.
  void PollCompletions(std::vector<IoFinished>& finished) const;
  /// Takes every announcement, once: its slot is EMPTY afterwards.
  void PollAnnouncements(std::vector<IoPosting>& announcements) const;

  // The host.

  /// Tells the device what `announcement` says, whose operation is kIoAnnounce. Errors: as Submit.
  absl::Status Announce(u32 slot_id, const layout::IoRequest& announcement) const;
  /// Looks at every PUBLISHED request and changes nothing.
  void PollRequests(std::vector<IoPosting>& requests) const;
  /// Takes every PUBLISHED request, once: it is CLAIMED afterwards, and its slot's words are not read again. Requests of unknown
  /// operations are among them: whoever claims a request ends it.
  void ClaimRequests(std::vector<IoPosting>& requests) const;
  /// Ends a request. Of the queue's bytes, the four of its status change.
  /// Errors: FailedPrecondition ("CLAIMED request") unless the slot is CLAIMED.
  absl::Status Complete(u32 slot_id, const layout::IoEnd& end) const;
  /// Complete for each, or for none. Errors: also InvalidArgument if a slot is named twice.
  absl::Status CompleteBatch(absl::Span<const IoCompletion> completions) const;

 private:
  IoQueueView(layout::IoSlot* slots, u32 slot_count, layout::IoEnd* ends) : slots_(slots), slot_count_(slot_count), ends_(ends) {}

  absl::Status CheckSlotId(u32 slot_id) const;
  absl::Status Publish(u32 slot_id, const layout::IoRequest& words) const;
  absl::Status CheckClaimed(u32 slot_id) const;
  void Finish(const IoCompletion& completion) const;

  layout::IoSlot* slots_;
  u32 slot_count_;
  layout::IoEnd* ends_;  // null if the queue has none beside it
};

/// An I/O queue of this process, with ends beside it: one thread requests and one serves.
///
/// Example: `auto queue = HostIoQueue::Create(64); ... queue->view().Submit(0, {.op_type = layout::kIoRead, ...});`
class HostIoQueue {
 public:
  /// Every slot EMPTY. Errors: InvalidArgument above 64 slots.
  static absl::StatusOr<HostIoQueue> Create(u32 slot_count);

  // The view is of this storage: it moves, and is not copied.
  HostIoQueue(HostIoQueue&&) = default;
  HostIoQueue& operator=(HostIoQueue&&) = default;

  /// The bytes, seen as a queue by either side.
  IoQueueView view() const { return view_; }

 private:
  HostIoQueue(std::vector<std::byte> bytes, std::vector<layout::IoEnd> ends, IoQueueView view)
      : bytes_(std::move(bytes)), ends_(std::move(ends)), view_(view) {}

  std::vector<std::byte> bytes_;
  std::vector<layout::IoEnd> ends_;
  IoQueueView view_;
};

}  // namespace penstock
