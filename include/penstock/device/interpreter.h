// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The megakernel's loop, the same source for every device: find a slot, run its handler, complete it, until told to leave.
//
// One round of a workgroup:
//   1. The leader finds work in device memory: a published slot that nobody has claimed, or else a deferred one. If there is none
//      and no other workgroup is at it, the lanes read the doorbell across the bus, and the leader looks again.
//   2. The lanes copy the slot's words into memory of the workgroup. Nothing reads the ring after that, so what was checked is
//      what runs.
//   3. All lanes run the handler.
//   4. The leader writes the result, then the status with release at system scope: the host that sees DONE sees the result.
//   5. The lanes meet before the next round. Without this the compiler may let lanes run ahead into the next round's barriers
//      while the leader is masked off (seen on gfx1100).
#pragma once

#include "penstock/device/claim.h"
#include "penstock/device/mirror.h"
#include "penstock/device/poller.h"
#include "penstock/device/program.h"
#include "penstock/device/state.h"
#include "penstock/device/tally.h"
#include "penstock/device/tenant.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

/// Memory that the lanes of one workgroup share. Not initialised by anybody.
template <typename Program>
struct WorkgroupMemory {
  Work work;
  DoorbellSight sight;
  SlotName ahead;  // whose words the last look that saw a fresh slot has put into `word`
  u32 word[layout::kSlotWords];
  Outcome admission;
  Outcome inner_outcome[2];
  Wait wait;
  layout::Counters counters;
  alignas(16) unsigned char scratch[Program::kScratchBytes];
};

template <typename Program>
class Interpreter {
 public:
  PENSTOCK_DEVICE Interpreter(const DeviceView& view, Group& group, WorkgroupMemory<Program>& memory)
      : view_(view),
        group_(group),
        memory_(memory),
        mine_(view.workgroups[group.workgroup()]),
        tally_(memory.counters, mine_.counters),
        claimant_(view, group, tally_, memory.sight) {}

  /// Runs until shutdown is seen or, with view.run_once, until nothing published is left. Every lane calls it.
  PENSTOCK_DEVICE void Run() {
    Begin();
    for (;;) {
      if (group_.IsLeader()) memory_.work = claimant_.Next(false);
      group_.Barrier();
      const u32 kind = Group::Uniform(memory_.work.kind);
      if (kind == Work::kLook || kind == Work::kWatch) Look(kind == Work::kLook ? 1 : kLooksInARow);
      const Work work = memory_.work;
      if (work.kind == Work::kLeave) break;
      if (work.kind == Work::kSlot || work.kind == Work::kFresh) {
        RunSlot(work);
      } else if (work.kind == Work::kMirror) {
        Mirror(view_, group_);
        if (view_.io.queue_count != 0) EndAllOverdue(view_, group_);
        if (group_.IsLeader()) claimant_.Mirrored();
      } else if (group_.IsLeader()) {
        group_.Idle(view_.io.alarm);
      }
      group_.Barrier();
    }
    Leave();
  }

 private:
  static constexpr u32 kLooksInARow = 8;

  PENSTOCK_DEVICE void Begin() {
    tally_.Restore(group_);
    if (group_.IsLeader()) {
      memory_.ahead = {layout::kPriorityCount, 0};  // nothing: a workgroup of few lanes never fetches ahead
      memory_.wait = {};
    }
    if (group_.workgroup() == 0 && group_.IsLeader()) {
      layout::StoreRelaxed<layout::Scope::kDevice>(&view_.launch->begin_ticks, Group::Ticks());
    }
    group_.Barrier();
  }

  PENSTOCK_DEVICE void Look(u32 times) {
    ReadDoorbell(view_, group_, memory_.sight);
    group_.Barrier();
    while (--times > 0 && !memory_.sight.Has(DoorbellSight::kAny)) {
      group_.Barrier();  // every lane has seen that nothing has changed
      ReadDoorbell(view_, group_, memory_.sight);
      group_.Barrier();
    }
    if (memory_.sight.Has(DoorbellSight::kAny)) {
      FetchAhead();
      TakeOverTenants(view_, group_, memory_.sight);
    }
    if (group_.IsLeader()) memory_.work = claimant_.Next(true);
    group_.Barrier();
  }

  /// While the leader claims a fresh slot, other lanes get the words of the one that it will most likely be.
  PENSTOCK_DEVICE void FetchAhead() {
    constexpr u32 kFirstLane = 64;  // of another wave than the leader's
    // With fewer lanes, words of another slot would stay among this one's.
    if (group_.lane_count() < kFirstLane + layout::kSlotWords) return;
    const u32 i = group_.lane() - kFirstLane;
    SlotName slot;
    if (i >= layout::kSlotWords || !memory_.sight.FirstFresh(slot)) return;
    const layout::Slot& ahead = view_.slots[view_.SlotIndex(slot.priority, slot.sequence)];
    memory_.word[i] = layout::LoadRelaxed<layout::Scope::kSystem>(&ahead.word[i]);
    if (i == 0) memory_.ahead = slot;
  }

  PENSTOCK_DEVICE bool IsFetchedAhead(const Work& work) const {
    return work.kind == Work::kFresh && work.slot.priority == memory_.ahead.priority &&
           work.slot.sequence == memory_.ahead.sequence;
  }

  PENSTOCK_DEVICE void Fetch(const layout::Slot& slot) {
    for (u32 i = group_.lane(); i < layout::kSlotWords; i += group_.lane_count()) {
      memory_.word[i] = layout::LoadRelaxed<layout::Scope::kSystem>(&slot.word[i]);
    }
    group_.Barrier();
  }

  /// The last workgroup to leave mirrors the final counters.
  PENSTOCK_DEVICE void Leave() {
    group_.Barrier();  // every lane has seen kLeave
    if (group_.IsLeader()) {
      const u32 still_running = layout::FetchAdd<layout::Scope::kDevice>(&view_.launch->running, ~0u) - 1;
      memory_.work.kind = still_running == 0 ? Work::kMirror : Work::kLeave;
    }
    group_.Barrier();
    if (memory_.work.kind == Work::kMirror) Mirror(view_, group_);
  }

  PENSTOCK_DEVICE void RunSlot(const Work& work) {
    const SlotName name = work.slot;
    const u32 index = view_.SlotIndex(name.priority, name.sequence);
    layout::Slot& slot = view_.slots[index];
    if (!IsFetchedAhead(work)) Fetch(slot);
    if (group_.IsLeader()) memory_.admission = Admit(index, slot);
    group_.Barrier();
    Outcome outcome = memory_.admission;
    if (!outcome.IsFault()) {
      const Context context = {view_,
                               group_,
                               &memory_.word[layout::kArgumentWord],
                               layout::kArgumentCount,
                               name,
                               memory_.scratch,
                               memory_.inner_outcome,
                               memory_.wait};
      outcome = Program::Run(memory_.word[layout::kOpcodeWord], context);
    }
    if (group_.IsLeader()) Finish(name, index, outcome);
  }

  /// Marks the slot as taken, and refuses what its publisher may not do.
  PENSTOCK_DEVICE Outcome Admit(u32 index, layout::Slot& slot) {
    const u32* word = memory_.word;
    deferred_since_ = layout::LoadRelaxed<layout::Scope::kDevice>(&view_.slot_states[index].deferred_since_ticks);
    const u64 rights = RightsOf(view_, word[layout::kTenantWord]);
    layout::StoreRelaxed<layout::Scope::kDevice>(&mine_.busy_opcode, word[layout::kOpcodeWord]);
    layout::StoreRelaxed<layout::Scope::kDevice>(&mine_.busy_since_ticks, Group::CoarseTicks());
    layout::StoreRelaxed<layout::Scope::kDevice>(&mine_.busy_slot, index + 1);
    // Device memory says whether this is the first run. The ring's status could be forged, to pass for a slot that was admitted.
    const bool is_first_run = deferred_since_ == 0;
    const u32 status = word[layout::kStatusWord];
    if (is_first_run) NoteClaim(index);
    const layout::Edge edge = TakeUpWait(index, is_first_run) ? layout::Edge::kResume : layout::Edge::kClaim;
    if (!layout::IsLegalEdge(edge, status) || is_first_run != (status == layout::kPublished)) {
      return Outcome::Fault(layout::FaultReason::kSlotCorrupt, status);
    }
    // Each store to the slot is a write across the bus, to a line that the host looks at: an opcode that ends at once spares it.
    if (layout::ShowsClaim(word[layout::kOpcodeWord])) {
      layout::StoreRelaxed<layout::Scope::kSystem>(&slot.word[layout::kStatusWord], layout::kClaimed);
    }
    return AdmitTenant(view_, word, rights, is_first_run);
  }

  /// Lets the handler see what it has kept and what it waited for. True if it waited for I/O.
  PENSTOCK_DEVICE bool TakeUpWait(u32 index, bool is_first_run) {
    if (view_.io.queue_count == 0) return false;
    WaitState& wait = view_.io.waits[index];
    memory_.wait.frame = wait.frame;
    memory_.wait.step = 0;
    memory_.wait.loads = 0;
    if (is_first_run) return false;
    memory_.wait.step = wait.step;
    memory_.wait.end = wait.end;
    if (wait.phase != WaitState::kEnded) return false;
    wait.phase = WaitState::kNotWaiting;
    layout::FetchAdd<layout::Scope::kDevice, layout::Order::kRelaxed>(&view_.shared->waiting, ~0u);
    return true;
  }

  PENSTOCK_DEVICE void Finish(SlotName name, u32 index, Outcome outcome) {
    layout::Slot& slot = view_.slots[index];
    SlotState& state = view_.slot_states[index];
    if (outcome.status == layout::kWaitIo) return Park(name, slot, state, outcome);
    if (!outcome.IsFinal() && WaitedTooLong(state)) outcome = Outcome::Fault(layout::FaultReason::kDeadline);
    if (outcome.IsFinal()) {
      Complete(name, slot, state, outcome);
      group_.Worked();
    } else {
      if (view_.io.queue_count != 0) view_.io.waits[index].step = outcome.detail;
      Defer(name, slot, outcome.status);
      group_.Idle();  // what it waits for is another workgroup's: do not hammer
    }
    layout::StoreRelaxed<layout::Scope::kDevice>(&mine_.busy_slot, 0u);
  }

  PENSTOCK_DEVICE void Complete(SlotName name, layout::Slot& slot, SlotState& state, const Outcome& outcome) {
    const bool done = outcome.status == layout::kDone;
    if (deferred_since_ != 0) layout::StoreRelaxed<layout::Scope::kDevice>(&state.deferred_since_ticks, u64{0});
    const u64 result = done ? outcome.result : layout::JoinWords(outcome.detail, static_cast<u32>(outcome.reason));
    layout::StoreRelaxed<layout::Scope::kSystem>(layout::ResultOf(slot), result);
    NoteEnd(view_.SlotIndex(name.priority, name.sequence));
    // Pairs with the acquire in LiveRing::TryReap. The host may publish over the slot from here on.
    layout::StoreRelease<layout::Scope::kSystem>(&slot.word[layout::kStatusWord], outcome.status);
    MarkCompleted(state, name.sequence);
    Count(name, done);  // after the host has been told: it does not wait for this
  }

  // Two writes across the bus a slot, made only for who measures.
  PENSTOCK_DEVICE void NoteClaim(u32 index) {
    if (view_.slot_times == nullptr) return;
    layout::StoreRelaxed<layout::Scope::kSystem>(&view_.slot_times[index].claimed_ticks, Group::Ticks());
  }
  PENSTOCK_DEVICE void NoteEnd(u32 index) {
    if (view_.slot_times == nullptr) return;
    layout::StoreRelaxed<layout::Scope::kSystem>(&view_.slot_times[index].ended_ticks, Group::Ticks());
  }

  PENSTOCK_DEVICE void Defer(SlotName name, layout::Slot& slot, u32 status) {
    tally_.Bump(memory_.counters.yields);
    claimant_.ExpectDeferred();
    layout::StoreRelaxed<layout::Scope::kSystem>(&slot.word[layout::kStatusWord], status);
    // As many cells as slots: there is always room, but the cell whose turn it is may still be in the hands of the workgroup that
    // is emptying it.
    while (!view_.deferred.TryPush(name)) group_.Idle();
  }

  /// Leaves the slot to whoever sees that its request has ended. A request that cannot be made ends at once.
  PENSTOCK_DEVICE void Park(SlotName name, layout::Slot& slot, SlotState& state, const Outcome& outcome) {
    using layout::Scope;
    tally_.Bump(memory_.counters.yields);
    WaitState& wait = view_.io.waits[view_.SlotIndex(name.priority, name.sequence)];
    wait.step = outcome.detail;
    wait.request = memory_.wait.request;
    wait.loads = memory_.wait.loads;
    wait.phase = WaitState::kUnposted;
    layout::StoreRelaxed<Scope::kDevice>(&state.deferred_since_ticks, Group::Ticks());  // each wait has its own limit
    layout::FetchAdd<Scope::kDevice, layout::Order::kRelaxed>(&view_.shared->waiting, 1u);
    layout::StoreRelaxed<Scope::kSystem>(&slot.word[layout::kStatusWord], layout::kWaitIo);
    layout::StoreRelaxed<Scope::kDevice>(&mine_.busy_slot, 0u);
    group_.Worked();
    const layout::IoCause refusal = TryPostFor(view_, group_.workgroup(), name);
    if (refusal == layout::IoCause::kNone) return;
    const bool waits_for_room = refusal == layout::IoCause::kQueueFull && memory_.wait.when_full == WhenFull::kWait;
    if (!waits_for_room) EndUnposted(view_, name, refusal);
    claimant_.ExpectDeferred();
    while (!view_.deferred.TryPush(name)) group_.Idle();
  }

  // The clock starts at the first deferral: a slot that is never deferred costs no clock read.
  PENSTOCK_DEVICE bool WaitedTooLong(SlotState& state) {
    const u64 now = Group::Ticks();
    if (deferred_since_ == 0) {
      deferred_since_ = now;
      layout::StoreRelaxed<layout::Scope::kDevice>(&state.deferred_since_ticks, now);
    }
    return view_.TicksWaited(deferred_since_, now) > view_.slot_limit_ticks;
  }

  PENSTOCK_DEVICE void Count(SlotName name, bool done) {
    layout::Counters& counters = memory_.counters;
    tally_.Bump(done ? counters.done : counters.faults);
    tally_.Bump(counters.opcode[layout::CounterRow(memory_.word[layout::kOpcodeWord])]);
    tally_.Bump(counters.priority[name.priority]);
    const u32 tenant = memory_.word[layout::kTenantWord];
    if (tenant < layout::kTenantCount) tally_.Bump(counters.tenant[tenant]);
  }

  const DeviceView& view_;
  Group& group_;
  WorkgroupMemory<Program>& memory_;
  WorkgroupState& mine_;
  const Tally tally_;
  Claimant claimant_;
  u64 deferred_since_ = 0;  // of the slot in hand; the leader's
};

/// What a device launches: every lane of every workgroup calls it once.
template <typename Program>
PENSTOCK_DEVICE void RunWorkgroup(const DeviceView& view, Group& group, WorkgroupMemory<Program>& memory) {
  Interpreter<Program>(view, group, memory).Run();
}

}  // namespace penstock::device
