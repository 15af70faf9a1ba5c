// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a workgroup finds its next slot: by priority, and with ageing.
//
// The poller adds what it sees published to a count of unclaimed slots in device memory. Who takes one off that count while it is
// above zero has a claim; the next value of `head` is the slot. So a claimed slot has been published, no two workgroups get the
// same one, and a claim costs two additions, however many workgroups want one. (A compare-and-swap from head to head + 1 lets
// one of them through in the time that a word takes to the cache and back: fewer than 3 million claims a second on a GPU.)
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/poller.h"
#include "penstock/device/state.h"
#include "penstock/device/tally.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

/// What a workgroup does next.
struct Work {
  enum Kind : u32 {
    kNone,    // nothing is there
    kSlot,    // run `slot`
    kFresh,   // run `slot`, which the poller claimed right after its look: nobody has run it before
    kLook,    // read the doorbell, then ask AfterLook
    kWatch,   // read the doorbell a few times or until it changes, then ask AfterLook
    kMirror,  // mirror counters and user words for the host, then call Mirrored
    kLeave,
  };
  Kind kind;
  SlotName slot;  // with kSlot and kFresh
};

/// Only a workgroup's leader uses it.
///
/// Higher priorities go first, but every kAgeingInterval-th round looks at the doorbell and then begins elsewhere: with deferred
/// slots, then with each lower priority in turn. So the slot at the head of any sub-ring, a deferred slot and a new tail are all
/// reached within kAgeingInterval * 5 rounds, whatever is published with a higher priority or deferred again and again.
class Claimant {
 public:
  static constexpr u32 kAgeingInterval = 16;

  PENSTOCK_DEVICE Claimant(const DeviceView& view, Group& group, const Tally& tally, DoorbellSight& sight)
      : view_(view), tally_(tally), sight_(sight), poller_(view, group, sight) {}

  PENSTOCK_DEVICE Work Next() {
    SlotName slot = {0, 0};
    is_ageing_ = ++round_ % kAgeingInterval == 0;
    // Only the poller adds slots to be claimed, and it came here because there were none: it goes on looking.
    const bool is_poller = poller_.is_poller();
    if (is_poller && !is_ageing_) return {Work::kWatch, slot};
    if (layout::LoadRelaxed<layout::Scope::kDevice>(&view_.launch->seen_shutdown) != 0) return {Work::kLeave, slot};
    if (!is_ageing_ && TryClaimFrom(0, slot)) return Run(slot);
    if (is_poller || poller_.TryBecome()) return {Work::kLook, slot};
    return TryElsewhere(slot) ? Run(slot) : Nothing();
  }

  /// Requires: the doorbell was just read.
  PENSTOCK_DEVICE Work AfterLook() {
    using layout::Scope;
    SlotName slot = {0, 0};
    tally_.Bump(tally_.counters().doorbell_polls);
    const bool claimed = sight_.Has(DoorbellSight::kAny) && poller_.Post(!is_ageing_, slot);
    if (view_.run_once != 0) layout::StoreRelease<Scope::kDevice>(&view_.launch->seen_doorbell, 1u);
    if (claimed) return Run(slot, Work::kFresh);
    if (sight_.now[layout::kDoorbellShutdown] != 0) {
      layout::StoreRelaxed<Scope::kDevice>(&view_.launch->seen_shutdown, 1u);
      return {Work::kLeave, slot};
    }
    // A poller that stays had nothing to claim when it became one. Deferred slots are the others' to look for, and its own when
    // it has deferred one or its round is an ageing one.
    if (!Group::kStaysPoller || is_ageing_ || expects_deferred_) {
      if (MirrorIsDue()) return BeginMirror();
      if (TryElsewhere(slot)) return Run(slot);
    }
    if (!Group::kStaysPoller) poller_.GiveUp();
    return Nothing();
  }

  /// This workgroup has deferred a slot: it looks for deferred ones until there are none.
  PENSTOCK_DEVICE void ExpectDeferred() { expects_deferred_ = true; }

  PENSTOCK_DEVICE void Mirrored() const { SetNextMirror(Group::Ticks() + view_.mirror_interval_ticks); }

 private:
  PENSTOCK_DEVICE Work Run(const SlotName& slot, Work::Kind kind = Work::kSlot) {
    poller_.GiveUp();
    return {kind, slot};
  }

  PENSTOCK_DEVICE Work Nothing() const {
    const bool leaves = view_.run_once != 0 && layout::LoadAcquire<layout::Scope::kDevice>(&view_.launch->seen_doorbell) != 0;
    return {leaves ? Work::kLeave : Work::kNone, {0, 0}};
  }

  // --- mirroring: the poller sees that it is due, and lets another workgroup look meanwhile ---

  PENSTOCK_DEVICE bool MirrorIsDue() const {
    return Group::Ticks() >= layout::LoadRelaxed<layout::Scope::kDevice>(&view_.launch->next_mirror_ticks);
  }

  PENSTOCK_DEVICE Work BeginMirror() {
    tally_.Bump(tally_.counters().heartbeat);
    if (is_ageing_) --round_;  // the next round is in its place
    SetNextMirror(kNever);
    poller_.GiveUp();
    return {Work::kMirror, {0, 0}};
  }

  PENSTOCK_DEVICE void SetNextMirror(u64 ticks) const {
    layout::StoreRelease<layout::Scope::kDevice>(&view_.launch->next_mirror_ticks, ticks);
  }

  // --- claims ---

  PENSTOCK_DEVICE bool TryElsewhere(SlotName& slot) {
    return is_ageing_ ? TryAgeing(slot) : TryClaimFrom(0, slot) || TryDeferred(slot);
  }

  PENSTOCK_DEVICE bool TryAgeing(SlotName& slot) {
    const u32 first = (round_ / kAgeingInterval) % layout::kPriorityCount;
    if (first == 0 && TryDeferred(slot)) return true;
    if (!TryClaimFrom(first, slot)) return TryDeferred(slot);
    if (slot.priority >= first && HasBacklogAbove(slot.priority)) tally_.Bump(tally_.counters().starvation);
    return true;
  }

  PENSTOCK_DEVICE bool TryDeferred(SlotName& slot) {
    expects_deferred_ = view_.deferred.TryPop(slot);
    return expects_deferred_;
  }

  PENSTOCK_DEVICE bool TryClaimFrom(u32 first, SlotName& slot) {
    u32 available = 0;  // a bit a priority: all are asked for before the first is looked at
    for (u32 p = 0; p < layout::kPriorityCount; ++p) {
      available |= IsAboveZero(layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->unclaimed[p])) ? 1u << p : 0;
    }
    for (u32 i = 0; available != 0 && i < layout::kPriorityCount; ++i) {
      const u32 p = first + i < layout::kPriorityCount ? first + i : first + i - layout::kPriorityCount;
      if ((available >> p & 1) != 0 && TryClaim(p, slot)) return true;
    }
    return false;
  }

  PENSTOCK_DEVICE bool TryClaim(u32 priority, SlotName& slot) {
    using layout::Scope;
    u32* unclaimed = &view_.shared->unclaimed[priority];
    // Pairs with the release in Poller::Post. It may have been an earlier post than the slot's own; then a claim that took a
    // lower value of head acquired that one, and has released it with head.
    if (!IsAboveZero(layout::FetchAdd<Scope::kDevice, layout::Order::kAcquire>(unclaimed, ~0u))) {
      layout::FetchAdd<Scope::kDevice, layout::Order::kRelaxed>(unclaimed, 1u);
      return false;
    }
    slot = {priority, layout::FetchAdd<Scope::kDevice>(&view_.shared->head[priority], 1u)};
    return true;
  }

  PENSTOCK_DEVICE bool HasBacklogAbove(u32 priority) const {
    for (u32 p = 0; p < priority; ++p) {
      if (IsAboveZero(layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->unclaimed[p]))) return true;
    }
    return false;
  }

  PENSTOCK_DEVICE static bool IsAboveZero(u32 count) { return static_cast<i32>(count) > 0; }

  const DeviceView& view_;
  const Tally tally_;
  const DoorbellSight& sight_;
  Poller poller_;
  u32 round_ = 0;
  bool is_ageing_ = false;
  bool expects_deferred_ = true;  // an earlier launch may have left some
};

}  // namespace penstock::device
