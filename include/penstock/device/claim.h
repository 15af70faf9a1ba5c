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
    kLook,    // read the doorbell, then ask again
    kWatch,   // read the doorbell a few times or until it changes, then ask again
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
      : view_(view), group_(group), tally_(tally), sight_(sight), poller_(view, group, sight) {}

  /// What the workgroup does next. With kLook or kWatch that is to read the doorbell, and then to ask again.
  PENSTOCK_DEVICE Work Next(bool has_looked) {
    u32 turns = 0;
    const Work work = has_looked ? AfterLook(turns) : BeforeLook(turns);
    return work.kind == Work::kNone ? Search(turns) : work;
  }

  /// This workgroup has deferred a slot: it looks for deferred ones until there are none.
  PENSTOCK_DEVICE void ExpectDeferred() { expects_deferred_ = true; }

  PENSTOCK_DEVICE void Mirrored() const { SetNextMirror(Group::Ticks() + view_.mirror_interval_ticks); }

 private:
  /// A way to find a slot. A round has a few of them in turn: digits of a number to the base kTurns, the first one the lowest.
  enum Turn : u32 { kNoMore, kClaim, kPoll, kDeferred, kTurns };

  PENSTOCK_DEVICE static constexpr u32 InTurn(Turn first, Turn second, Turn third = kNoMore) {
    return first + kTurns * second + kTurns * kTurns * third;
  }

  /// What to do, or else, kNone, what to try.
  PENSTOCK_DEVICE Work BeforeLook(u32& turns) {
    ++round_;
    // Only the poller adds slots to be claimed, and it came here because there were none: it goes on looking.
    const bool is_poller = poller_.is_poller();
    if (is_poller && !IsAgeing()) return {Work::kWatch, {}};
    if (layout::LoadRelaxed<layout::Scope::kDevice>(&view_.launch->seen_shutdown) != 0) return {Work::kLeave, {}};
    if (is_poller) return {Work::kLook, {}};
    turns = IsAgeing() ? kPoll + kTurns * AgeingTurns() : InTurn(kClaim, kPoll, kDeferred);
    return {Work::kNone, {}};
  }

  /// The same. Requires: the doorbell was just read.
  PENSTOCK_DEVICE Work AfterLook(u32& turns) {
    using layout::Scope;
    SlotName slot = {0, 0};
    tally_.Bump(tally_.counters().doorbell_polls);
    const bool claimed = sight_.Has(DoorbellSight::kAny) && poller_.Post(!IsAgeing(), slot);
    if (view_.run_once != 0) layout::StoreRelease<Scope::kDevice>(&view_.launch->seen_doorbell, 1u);
    const bool has_ends = sight_.has_ends != 0;
    sight_.has_ends = 0;
    if (claimed) return Run(slot, Work::kFresh);
    if (sight_.now[layout::kDoorbellShutdown] != 0) {
      layout::StoreRelaxed<Scope::kDevice>(&view_.launch->seen_shutdown, 1u);
      return {Work::kLeave, slot};
    }
    // A poller that stays had nothing to claim when it became one. Deferred slots are the others' to look for, and its own when
    // it has deferred one or its round is an ageing one.
    if (!Group::kStaysPoller || IsAgeing() || expects_deferred_) {
      if (MirrorIsDue()) return BeginMirror();
      turns = IsAgeing() ? AgeingTurns() : InTurn(kClaim, kDeferred);
    } else if (has_ends) {
      turns = kClaim;
    }
    return {Work::kNone, slot};
  }

  /// Each way is taken here only: a GPU's compiler copies it to every place that calls it.
  PENSTOCK_DEVICE Work Search(u32 turns) {
    SlotName slot = {0, 0};
    for (; turns != kNoMore; turns /= kTurns) {
      const u32 turn = turns % kTurns;
      if (turn == kClaim && TryClaimFrom(IsAgeing() ? AgeingPriority() : 0, slot)) return Run(slot);
      if (turn == kDeferred && TryDeferred(slot)) return Run(slot);
      if (turn == kPoll && poller_.TryBecome()) return {Work::kLook, slot};
    }
    if (!Group::kStaysPoller) poller_.GiveUp();
    return Nothing();
  }

  PENSTOCK_DEVICE Work Run(const SlotName& slot, Work::Kind kind = Work::kSlot) {
    poller_.GiveUp();
    return {kind, slot};
  }

  PENSTOCK_DEVICE Work Nothing() {
    const bool leaves = view_.run_once != 0 && layout::LoadAcquire<layout::Scope::kDevice>(&view_.launch->seen_doorbell) != 0 &&
                        layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->waiting) == 0;
    if (leaves) poller_.GiveUp();  // a slot that is being run may yet wait for I/O, and somebody has to see the end
    return {leaves ? Work::kLeave : Work::kNone, {0, 0}};
  }

  // --- mirroring: the poller sees that it is due, and lets another workgroup look meanwhile ---

  PENSTOCK_DEVICE bool MirrorIsDue() const {
    return Group::Ticks() >= layout::LoadRelaxed<layout::Scope::kDevice>(&view_.launch->next_mirror_ticks);
  }

  PENSTOCK_DEVICE Work BeginMirror() {
    tally_.Bump(tally_.counters().heartbeat);
    if (IsAgeing()) --round_;  // the next round is in its place
    SetNextMirror(kNever);
    poller_.GiveUp();
    return {Work::kMirror, {0, 0}};
  }

  PENSTOCK_DEVICE void SetNextMirror(u64 ticks) const {
    layout::StoreRelease<layout::Scope::kDevice>(&view_.launch->next_mirror_ticks, ticks);
  }

  // --- ageing ---

  PENSTOCK_DEVICE bool IsAgeing() const { return round_ % kAgeingInterval == 0; }
  PENSTOCK_DEVICE u32 AgeingPriority() const { return (round_ / kAgeingInterval) % layout::kPriorityCount; }
  PENSTOCK_DEVICE u32 AgeingTurns() const {
    return AgeingPriority() == 0 ? InTurn(kDeferred, kClaim) : InTurn(kClaim, kDeferred);
  }

  // --- deferred slots ---

  PENSTOCK_DEVICE bool TryDeferred(SlotName& slot) {
    expects_deferred_ = view_.deferred.TryPop(slot);
    return expects_deferred_ && (view_.io.queue_count == 0 || !MustWaitOn(slot));
  }

  // --- slots that wait for I/O ---

  /// Takes requests of the kernel that have ended, until one is of a slot that is now to be run.
  PENSTOCK_DEVICE bool TryResume(SlotName& slot) {
    for (u32 index; TryTakeAnyEnded(index);) {
      if (FinishRequest(view_, index, slot)) return true;
    }
    return false;
  }

  PENSTOCK_DEVICE bool TryTakeAnyEnded(u32& index) {
    using layout::Scope;
    u32* const resumable = &view_.shared->resumable;
    if (!IsAboveZero(layout::LoadRelaxed<Scope::kDevice>(resumable))) return false;
    // Pairs with the release in LookAtBell. Who takes one off a count above zero finds a bit that is its own.
    if (!TryTakeOne(resumable)) return false;
    for (u32 queue = group_.workgroup();; ++queue) {
      queue %= view_.io.queue_count;
      IoQueueState& state = view_.io.states[queue];
      const u64 ended = layout::LoadRelaxed<Scope::kDevice>(&state.ended);
      if (ended == 0) continue;
      const u32 slot = Group::LowestBit(ended);
      if (!TryTakeEnded(state.ended, slot)) continue;
      index = queue * layout::kMaxIoSlots + slot;
      return true;
    }
  }

  /// A slot whose request found no room makes it now, if it can. True if the slot goes on waiting.
  PENSTOCK_DEVICE bool MustWaitOn(const SlotName& slot) {
    const u32 index = view_.SlotIndex(slot.priority, slot.sequence);
    WaitState& wait = view_.io.waits[index];
    if (layout::LoadRelaxed<layout::Scope::kDevice>(&wait.phase) != WaitState::kUnposted) return false;
    const layout::IoCause refusal = TryPostFor(view_, group_.workgroup(), slot);
    if (refusal == layout::IoCause::kNone) return true;
    const u64 since = layout::LoadRelaxed<layout::Scope::kDevice>(&view_.slot_states[index].deferred_since_ticks);
    if (refusal != layout::IoCause::kQueueFull || view_.TicksWaited(since, Group::Ticks()) > view_.slot_limit_ticks) {
      EndUnposted(view_, slot, refusal);
      return false;
    }
    while (!view_.deferred.TryPush(slot)) group_.Idle();
    return true;
  }

  // --- claims ---

  PENSTOCK_DEVICE bool TryClaimFrom(u32 first, SlotName& slot) {
    if (view_.io.queue_count != 0 && TryResume(slot)) return true;
    u32 available = 0;  // a bit a priority: all are asked for before the first is looked at
    for (u32 p = 0; p < layout::kPriorityCount; ++p) {
      available |= IsAboveZero(layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->unclaimed[p])) ? 1u << p : 0;
    }
    for (u32 i = 0; available != 0 && i < layout::kPriorityCount; ++i) {
      const u32 p = first + i < layout::kPriorityCount ? first + i : first + i - layout::kPriorityCount;
      if ((available >> p & 1) == 0 || !TryClaim(p, slot)) continue;
      if (IsAgeing() && p >= first && HasBacklogAbove(p)) tally_.Bump(tally_.counters().starvation);
      return true;
    }
    return false;
  }

  PENSTOCK_DEVICE bool TryClaim(u32 priority, SlotName& slot) {
    using layout::Scope;
    u32* unclaimed = &view_.shared->unclaimed[priority];
    // Pairs with the release in Poller::Post. It may have been an earlier post than the slot's own; then a claim that took a
    // lower value of head acquired that one, and has released it with head.
    if (!TryTakeOne(unclaimed)) return false;
    slot = {priority, layout::FetchAdd<Scope::kDevice>(&view_.shared->head[priority], 1u)};
    return true;
  }

  PENSTOCK_DEVICE bool HasBacklogAbove(u32 priority) const {
    for (u32 p = 0; p < priority; ++p) {
      if (IsAboveZero(layout::LoadRelaxed<layout::Scope::kDevice>(&view_.shared->unclaimed[p]))) return true;
    }
    return false;
  }

  /// Takes one off a count that is above zero; gives back what it took too late.
  PENSTOCK_DEVICE static bool TryTakeOne(u32* count) {
    using layout::Scope;
    if (IsAboveZero(layout::FetchAdd<Scope::kDevice, layout::Order::kAcquire>(count, ~0u))) return true;
    layout::FetchAdd<Scope::kDevice, layout::Order::kRelaxed>(count, 1u);
    return false;
  }

  PENSTOCK_DEVICE static bool IsAboveZero(u32 count) { return static_cast<i32>(count) > 0; }

  const DeviceView& view_;
  Group& group_;
  const Tally tally_;
  DoorbellSight& sight_;
  Poller poller_;
  u32 round_ = 0;
  bool expects_deferred_ = true;  // an earlier launch may have left some
};

}  // namespace penstock::device
