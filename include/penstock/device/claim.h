// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Claims of published slots, by priority and with ageing.
//
// A claim is a compare-and-swap in device memory from head to head + 1, never past the tail that a poller saw at the doorbell.
// So a claimed slot has been published, and no two workgroups get the same one.
#pragma once

#include "penstock/device/doorbell_poll.h"
#include "penstock/device/group.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

struct Work {
  enum Kind : u32 { kNone, kSlot, kLeave };
  Kind kind;
  SlotName slot;  // with kSlot
};

/// How one workgroup finds its next slot. Only its leader uses it.
///
/// Higher priorities go first, but every kAgeingInterval-th round looks at the doorbell and then begins elsewhere: with deferred
/// slots, then with each lower priority in turn. So the slot at the head of any sub-ring, a deferred slot and a new tail are all
/// reached within kAgeingInterval * 5 rounds, whatever is published with a higher priority or deferred again and again.
class Claimant {
 public:
  static constexpr u32 kAgeingInterval = 16;

  PENSTOCK_DEVICE Claimant(const DeviceView& view, Group& group) : view_(view), group_(group) {}

  /// A slot to run; kLeave once shutdown was seen or, with view.run_once, when nothing is left; otherwise kNone.
  PENSTOCK_DEVICE Work Next() {
    Work work = {Work::kSlot, {0, 0}};
    if (layout::LoadAcquire<layout::Scope::kDevice>(&view_.shared->seen_shutdown) != 0) {
      work.kind = Work::kLeave;
    } else if (!(++round_ % kAgeingInterval == 0 ? TryAgeing(work.slot) : TryInOrder(work.slot))) {
      work.kind = view_.run_once != 0 ? Work::kLeave : Work::kNone;
    }
    return work;
  }

 private:
  PENSTOCK_DEVICE bool TryInOrder(SlotName& slot) {
    if (TryClaimFrom(0, slot)) return true;
    PollDoorbell(view_, group_);
    return TryClaimFrom(0, slot) || view_.deferred.TryPop(slot);
  }

  PENSTOCK_DEVICE bool TryAgeing(SlotName& slot) {
    PollDoorbell(view_, group_);
    const u32 first = (round_ / kAgeingInterval) % layout::kPriorityCount;
    if (first == 0 && view_.deferred.TryPop(slot)) return true;
    if (!TryClaimFrom(first, slot)) return view_.deferred.TryPop(slot);
    if (slot.priority >= first && HasBacklogAbove(slot.priority)) {
      Bump(view_.workgroups[group_.workgroup()].counters.starvation);
    }
    return true;
  }

  PENSTOCK_DEVICE bool TryClaimFrom(u32 first, SlotName& slot) {
    for (u32 i = 0; i < layout::kPriorityCount; ++i) {
      const u32 priority = first + i < layout::kPriorityCount ? first + i : first + i - layout::kPriorityCount;
      if (TryClaim(priority, slot)) return true;
    }
    return false;
  }

  PENSTOCK_DEVICE bool TryClaim(u32 priority, SlotName& slot) {
    u32* head = &view_.shared->head[priority];
    u32 sequence = layout::LoadRelaxed<layout::Scope::kDevice>(head);
    for (;;) {
      // Pairs with the release in PollDoorbell, and through it with the host's: whatever is below the tail can be read. It may be
      // an older tail than the one that moved head to `sequence`, and so lie behind it.
      const u32 tail = layout::LoadAcquire<layout::Scope::kDevice>(&view_.shared->seen_tail[priority]);
      if (static_cast<i32>(tail - sequence) <= 0) return false;
      if (layout::CompareExchange<layout::Scope::kDevice>(head, sequence, sequence + 1)) break;
    }
    slot = {priority, sequence};
    return true;
  }

  PENSTOCK_DEVICE bool HasBacklogAbove(u32 priority) const {
    for (u32 p = 0; p < priority; ++p) {
      if (layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->head[p]) !=
          layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->seen_tail[p])) {
        return true;
      }
    }
    return false;
  }

  const DeviceView& view_;
  Group& group_;
  u32 round_ = 0;
};

}  // namespace penstock::device
