// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A ring as bytes: where slots come from is swappable, and what may be done to a slot is not.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/fault.h"
#include "penstock/layout/slot.h"

namespace PENSTOCK_API penstock {

/// Slots of a byte-level ring, at most.
inline constexpr u32 kMaxRingSlots = 1'048'576;

// Names of ring sources. They are stable: logs and settings carry them.
inline constexpr std::string_view kInProcessHostRing = "in-process-host";
/// Name of a ring whose commands go by NVMe passthrough.
inline constexpr std::string_view kUringCommandNvmeRing = "uring-cmd-nvme";

/// Where slots are published.
class RingProducer {
 public:
  virtual ~RingProducer() = default;

  /// Publishes 64 bytes, whose status word says PUBLISHED, over an EMPTY or DONE slot. On error nothing is written.
  /// Errors: as RingView::Publish. Threads: one publisher a slot at a time.
  virtual absl::Status Publish(u32 slot_index, absl::Span<const std::byte> slot) = 0;
  /// Slots of the ring.
  virtual u32 slot_count() const = 0;
  /// What kind of ring it is.
  virtual std::string_view name() const = 0;
};

/// Where slots are read.
class RingConsumer {
 public:
  virtual ~RingConsumer() = default;

  /// Copies a slot into 64 bytes. Errors: as RingView::ReadSlot. Threads: any.
  virtual absl::Status ReadSlot(u32 slot_index, absl::Span<std::byte> slot) const = 0;
  /// Slots that are DONE now. Threads: any. Cost: one load a slot.
  virtual u32 DoneCount() const = 0;
  /// Slots of the ring.
  virtual u32 slot_count() const = 0;
};

/// Slots in memory that somebody else owns. A plain handle: copies see the same slots.
///
/// Every change of a status follows a legal edge (layout::IsLegalEdge); a refused one writes nothing.
///
/// Errors, of every member: OutOfRange ("missing word") for a slot that the ring has not; FailedPrecondition for an edge that
/// the slot's status does not allow.
/// Threads: one thread at a time changes a slot; Claim and Cancel alone may race, and exactly one of them takes the slot.
/// Ordering: a status is stored with release after the words that it covers, and loaded with acquire before they are read.
class RingView {
 public:
  /// A view of the first `slot_count` slots of `bytes`.
  /// Errors: InvalidArgument if there are more than kMaxRingSlots or `bytes` is not aligned to words; OutOfRange ("missing
  /// word") if `bytes` is shorter than the slots.
  static absl::StatusOr<RingView> Over(absl::Span<std::byte> bytes, u32 slot_count);

  /// Slots of the ring.
  u32 slot_count() const { return slot_count_; }

  /// Errors: also InvalidArgument ("misaligned length") unless `slot` is 64 bytes, and unless its status word says PUBLISHED;
  /// ResourceExhausted while the slot is in flight.
  absl::Status Publish(u32 slot_index, absl::Span<const std::byte> slot) const;
  /// The words are those of one moment only if the caller holds the slot.
  /// Errors: also InvalidArgument ("misaligned length") unless `slot` is 64 bytes.
  absl::Status ReadSlot(u32 slot_index, absl::Span<std::byte> slot) const;
  /// Slots whose status is DONE.
  u32 DoneCount() const;

  /// PUBLISHED, YIELD or REQUEUE to CLAIMED.
  absl::Status Claim(u32 slot_index) const;
  /// CLAIMED to DONE, with the result in words 14 and 15.
  absl::Status Done(u32 slot_index, u64 result) const;
  /// To FAULT, with the detail in word 14 and the reason in word 15.
  absl::Status Fault(u32 slot_index, layout::FaultReason reason, u32 detail) const;
  /// FAULT to EMPTY. Read the reason first: the next publish writes over it.
  absl::Status Acknowledge(u32 slot_index) const;
  /// Takes back what nobody has claimed.
  absl::Status Cancel(u32 slot_index) const;

 private:
  RingView(u32* words, u32 slot_count) : words_(words), slot_count_(slot_count) {}

  absl::StatusOr<u32*> FindSlot(u32 slot_index) const;
  absl::Status Move(u32 slot_index, layout::Edge edge, u32 to_status) const;
  absl::Status Finish(u32 slot_index, layout::Edge edge, u32 to_status, u64 result) const;

  u32* words_;
  u32 slot_count_;
};

/// A ring of this process: threads publish and threads consume.
///
/// Example: `auto ring = HostRing::Create(64); ... ring->Publish(0, bytes); ... ring->view().Claim(0);`
class HostRing final : public RingProducer, public RingConsumer {
 public:
  /// A ring with storage of its own, every slot EMPTY. Errors: InvalidArgument above kMaxRingSlots.
  static absl::StatusOr<HostRing> Create(u32 slot_count);
  /// A ring over storage that outlives it. Errors: as RingView::Over.
  static absl::StatusOr<HostRing> Over(absl::Span<std::byte> bytes, u32 slot_count);

  // The view is of this storage: it moves, and is not copied.
  HostRing(HostRing&&) = default;
  HostRing& operator=(HostRing&&) = default;

  absl::Status Publish(u32 slot_index, absl::Span<const std::byte> slot) override { return view_.Publish(slot_index, slot); }
  absl::Status ReadSlot(u32 slot_index, absl::Span<std::byte> slot) const override { return view_.ReadSlot(slot_index, slot); }
  u32 DoneCount() const override { return view_.DoneCount(); }
  /// Slots of the ring.
  u32 slot_count() const override { return view_.slot_count(); }
  /// kInProcessHostRing.
  std::string_view name() const override { return kInProcessHostRing; }
  /// The same slots with every operation.
  RingView view() const { return view_; }

 private:
  HostRing(std::vector<layout::Slot> storage, RingView view) : storage_(std::move(storage)), view_(view) {}

  std::vector<layout::Slot> storage_;  // empty if the storage was handed in
  RingView view_;
};

}  // namespace penstock
