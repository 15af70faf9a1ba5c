// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Requests of the kernel, from making them to collecting their ends: steps 1, 2 and 5 of layout/live_io.h, and the poller's look
// at the bells in between. Only leaders make and collect.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

/// Names a request that its requester polls for. 0 names none.
struct IoTicket {
  /// Bits of a ticket that name its entry.
  static constexpr u32 kIndexBits = 14;
  static_assert(layout::kMaxIoQueues * layout::kMaxIoSlots <= 1u << kIndexBits);

  u32 value = 0;  // slot of all queues, and how often it was used

  /// The ticket of an entry in its present use.
  PENSTOCK_DEVICE static IoTicket Of(u32 index, u32 kind) { return {kind / IoEntry::kUse << kIndexBits | index}; }
  /// The entry's number.
  PENSTOCK_DEVICE u32 index() const { return value % (1u << kIndexBits); }
};

// --- making a request ---

/// Takes a free slot of a queue. `service` is then its IoServiceState of now: nobody would end a request that is made after the
/// service's last look at the queues, which is a little after it has rung that bell. What the poller has seen may be older than
/// that while all workgroups run handlers, or of another launch.
PENSTOCK_DEVICE bool TryTakeIoSlot(const IoView& io, u32 queue, u32& slot, u64& service) {
  using layout::Scope;
  u64& all_free = io.states[queue].free;
  u64 free = layout::LoadRelaxed<Scope::kDevice>(&all_free);
  if (free == 0) return false;  // before the bus is used: tried again and again
  service = layout::LoadRelaxed<Scope::kSystem>(&io.bells[layout::kIoStateBell]);  // comes while a slot is taken
  do {
    slot = Group::LowestBit(free);
    // Pairs with the release in CollectEnd: what the slot's last request left is done with.
    if (layout::CompareExchange<Scope::kDevice>(&all_free, free, free & (free - 1))) return true;
  } while (free != 0);
  return false;
}

/// Publishes a request in a slot of a queue that the caller holds: its words, then its ticket's cell with release.
PENSTOCK_DEVICE void PublishRequest(const IoView& io, u32 queue, u32 slot, const layout::IoRequest& request) {
  using layout::Scope;
  // Acquired, and first, so that it is waited for here, and stores are under way when the cell is released: where nothing is,
  // clang 19 for gfx942 leaves out the wait between writing back the cache and the releasing store.
  const u32 ticket = layout::FetchAdd<Scope::kDevice, layout::Order::kAcquire>(&io.states[queue].tail, 1u);
  layout::LiveIoQueue& live = io.queues[queue];
  layout::IoSlot words;
  layout::EncodeIoRequest(request, words);
  words.status = layout::kPublished;
  u64 pairs[sizeof(words) / sizeof(u64)];
  __builtin_memcpy(pairs, &words, sizeof(words));
  u64* const to = reinterpret_cast<u64*>(&live.slot[slot]);
  for (u32 i = 0; i < sizeof(words) / sizeof(u64); ++i) layout::StoreRelaxed<Scope::kSystem>(&to[i], pairs[i]);
  // Pairs with the acquire in the service's intake.
  layout::StoreRelease<Scope::kSystem>(&live.order[ticket % layout::kMaxIoSlots], layout::IoOrderCell(ticket, slot));
  Group::RingIoAlarm(io.alarm);
}

/// Fills in the entry; `kind` as it is then.
PENSTOCK_DEVICE u32 EnterRequester(IoEntry& entry, const IoRequester& requester) {
  using layout::Scope;
  u32 used = layout::LoadRelaxed<Scope::kDevice>(&entry.kind) / IoEntry::kUse + 1;
  if ((used << IoTicket::kIndexBits) == 0) ++used;  // the first entry's ticket would be 0, which names none
  const u32 kind = used * IoEntry::kUse + requester.kind;
  layout::StoreRelaxed<Scope::kDevice>(&entry.loads, requester.loads);
  layout::StoreRelaxed<Scope::kDevice>(&entry.slot.priority, requester.slot.priority);
  layout::StoreRelaxed<Scope::kDevice>(&entry.slot.sequence, requester.slot.sequence);
  layout::StoreRelaxed<Scope::kDevice>(&entry.since_ticks, Group::Ticks());
  layout::StoreRelease<Scope::kDevice>(&entry.kind, kind);  // pairs with the acquire in EndOverdue
  return kind;
}

/// Makes the request in the workgroup's own queue, or in another one if that is full. kNone if it is made; kQueueFull if all are
/// full, which passes; kServiceStopped.
PENSTOCK_DEVICE layout::IoCause TryPost(const DeviceView& view, u32 workgroup, const layout::IoRequest& request,
                                        const IoRequester& requester, IoTicket& ticket) {
  using layout::Scope;
  constexpr auto kStopped = static_cast<u64>(layout::IoServiceState::kStopped);
  const IoView& io = view.io;
  u64 service = 0;
  for (u32 i = 0; i < io.queue_count; ++i) {
    const u32 queue = (workgroup + i) % io.queue_count;
    IoQueueState& state = io.states[queue];
    u32 slot = 0;
    if (!TryTakeIoSlot(io, queue, slot, service)) continue;
    if (service == kStopped) {
      layout::FetchAdd<Scope::kDevice>(&state.free, u64{1} << slot);
      return layout::IoCause::kServiceStopped;
    }
    const u32 index = queue * layout::kMaxIoSlots + slot;
    ticket = IoTicket::Of(index, EnterRequester(io.entries[index], requester));
    if (requester.kind == IoRequester::kPolled) {
      layout::FetchAdd<Scope::kDevice, layout::Order::kRelaxed>(&state.polled, u64{1} << slot);
    }
    PublishRequest(io, queue, slot, request);
    return layout::IoCause::kNone;
  }
  // The poller's word is enough to look at the bell, and no more.
  if (layout::LoadRelaxed<Scope::kDevice>(&view.shared->io_service) != kStopped) return layout::IoCause::kQueueFull;
  service = layout::LoadRelaxed<Scope::kSystem>(&io.bells[layout::kIoStateBell]);
  return service == kStopped ? layout::IoCause::kServiceStopped : layout::IoCause::kQueueFull;
}

/// Makes the request of a ring slot that waits for it; as TryPost. Once it is made, the slot may be resumed by another workgroup
/// at any time.
PENSTOCK_DEVICE layout::IoCause TryPostFor(const DeviceView& view, u32 workgroup, const SlotName& slot) {
  WaitState& wait = view.io.waits[view.SlotIndex(slot.priority, slot.sequence)];
  const layout::IoRequest request = wait.request;
  layout::StoreRelaxed<layout::Scope::kDevice>(&wait.phase, u32{WaitState::kPosted});
  IoTicket ticket;
  const layout::IoCause refusal = TryPost(view, workgroup, request, {IoRequester::kSlot, wait.loads, slot}, ticket);
  if (refusal != layout::IoCause::kNone) layout::StoreRelaxed<layout::Scope::kDevice>(&wait.phase, u32{WaitState::kUnposted});
  return refusal;
}

// --- seeing ends ---

/// Looks at one bell, across the bus, and makes the requests that have ended known to all workgroups. Returns whether any has.
/// Requires: this workgroup is the poller; one lane of it looks at a bell.
PENSTOCK_DEVICE bool LookAtBell(const DeviceView& view, u32 queue) {
  using layout::Scope;
  IoQueueState& state = view.io.states[queue];
  const u64* const bell = &view.io.bells[layout::kFirstIoBell + queue];
  const u64 now = layout::LoadWatching<Scope::kSystem>(bell);
  const u64 ended = now ^ layout::LoadRelaxed<Scope::kDevice>(&state.seen_bell);
  if (ended == 0) return false;
  layout::AcquireAfterWatching<Scope::kSystem>(bell);  // pairs with the service's release
  layout::StoreRelaxed<Scope::kDevice>(&state.seen_bell, now);
  // Before anybody can collect: who does takes his bit off again.
  const u64 polled = ended & layout::LoadRelaxed<Scope::kDevice>(&state.polled);
  // Pairs with the compare-and-swap in TryTakeEnded. None of these bits is set: a slot's toggle is seen before it is given back.
  if (polled != 0) layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&state.ended_polled, polled);
  if (polled == ended) return true;
  layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&state.ended, ended - polled);
  // Pairs with the acquire in Claimant::TryTakeAnyEnded. As many as there are bits: who takes one off looks until he has one.
  layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&view.shared->resumable, Group::CountBits(ended - polled));
  return true;
}

/// Every lane of the poller calls it, and takes a bell. Returns whether this lane saw a request end. Lanes of another wave than
/// the doorbell's go first: both are read in the same time.
PENSTOCK_DEVICE bool LookAtBells(const DeviceView& view, const Group& group) {
  using layout::Scope;
  constexpr u32 kFirstLane = 64;
  const u32 lanes = group.lane_count();
  bool any = false;
  for (u32 i = (group.lane() + lanes - kFirstLane % lanes) % lanes; i < layout::IoBellCount(view.io.queue_count); i += lanes) {
    if (i != layout::kIoStateBell) {
      any |= LookAtBell(view, i - layout::kFirstIoBell);
      continue;
    }
    const u64 service = layout::LoadRelaxed<Scope::kSystem>(&view.io.bells[i]);
    if (service != layout::LoadRelaxed<Scope::kDevice>(&view.shared->io_service)) {
      layout::StoreRelaxed<Scope::kDevice>(&view.shared->io_service, service);
    }
  }
  return any;
}

// --- collecting an end ---

/// Takes the request off those that have ended. False if it has not, or if another workgroup was quicker.
PENSTOCK_DEVICE bool TryTakeEnded(u64& all_ended, u32 slot) {
  const u64 bit = u64{1} << slot;
  u64 ended = layout::LoadRelaxed<layout::Scope::kDevice>(&all_ended);
  while ((ended & bit) != 0) {
    if (layout::CompareExchange<layout::Scope::kDevice>(&all_ended, ended, ended & ~bit)) return true;
  }
  return false;
}

/// Changes what kind of requester an entry has. False if it is not `kind` any more.
PENSTOCK_DEVICE bool TryChangeKind(IoEntry& entry, u32 kind, IoRequester::Kind to) {
  return layout::CompareExchange<layout::Scope::kDevice>(&entry.kind, kind, kind - IoEntry::KindOf(kind) + to);
}

/// Reads the end and gives the slot back. Requires: taken.
PENSTOCK_DEVICE layout::IoEnd CollectEnd(const IoView& io, u32 index) {
  using layout::Scope;
  const u32 slot = index % layout::kMaxIoSlots;
  layout::LiveIoQueue& live = io.queues[index / layout::kMaxIoSlots];
  const u64 words = layout::LoadRelaxed<Scope::kSystem>(reinterpret_cast<const u64*>(&live.end[slot]));
  layout::StoreRelaxed<Scope::kSystem>(&live.slot[slot].status, layout::kEmpty);
  layout::FetchAdd<Scope::kDevice>(&io.states[index / layout::kMaxIoSlots].free, u64{1} << slot);  // pairs with TryTakeIoSlot
  return {layout::LowWord(words), layout::HighWord(words)};
}

/// The same for a request that is polled for.
PENSTOCK_DEVICE layout::IoEnd CollectPolled(const IoView& io, u32 index) {
  const u64 bit = u64{1} << index % layout::kMaxIoSlots;
  layout::FetchAdd<layout::Scope::kDevice, layout::Order::kRelaxed>(&io.states[index / layout::kMaxIoSlots].polled, ~bit + 1);
  return CollectEnd(io, index);
}

/// Ends the load that a request was made for, if it was for one: the resource is present if the request went well, absent again
/// if not. Not before the transfer is over: the next load has the same destination.
PENSTOCK_DEVICE void EndLoad(const DeviceView& view, u32 loads, const layout::IoEnd& end) {
  if (loads == 0) return;
  const u32 state = end.ok() ? ResourceState::kPresent : ResourceState::kAbsent;
  // Pairs with the acquire in LoadMiss: who finds it present finds its bytes.
  layout::StoreRelease<layout::Scope::kDevice>(&view.io.resource_states[loads - 1].state, state);
}

/// Makes the handler of a waiting ring slot ready to be run.
PENSTOCK_DEVICE void EndWait(const DeviceView& view, const SlotName& slot, const layout::IoEnd& end) {
  using layout::Scope;
  WaitState& wait = view.io.waits[view.SlotIndex(slot.priority, slot.sequence)];
  layout::StoreRelaxed<Scope::kDevice>(&wait.end.cause, end.cause);
  layout::StoreRelaxed<Scope::kDevice>(&wait.end.bytes, end.bytes);
  layout::StoreRelaxed<Scope::kDevice>(&wait.phase, u32{WaitState::kEnded});
}

/// The same for a slot whose request is not made, and never will be.
PENSTOCK_DEVICE void EndUnposted(const DeviceView& view, const SlotName& slot, layout::IoCause cause) {
  const layout::IoEnd end = {static_cast<u32>(cause), 0};
  const WaitState& wait = view.io.waits[view.SlotIndex(slot.priority, slot.sequence)];
  EndLoad(view, layout::LoadRelaxed<layout::Scope::kDevice>(&wait.loads), end);
  EndWait(view, slot, end);
}

/// Collects the end of a request that is not polled for. True if it belongs to a ring slot whose handler is now to be run:
/// `slot`. A load ends here, whoever still waits for it, and not in the handler: a slot that was given up, or whose rights were
/// taken away meanwhile, ends without seeing it. Requires: taken.
PENSTOCK_DEVICE bool FinishRequest(const DeviceView& view, u32 index, SlotName& slot) {
  using layout::Scope;
  IoEntry& entry = view.io.entries[index];
  const SlotName waiting = {layout::LoadRelaxed<Scope::kDevice>(&entry.slot.priority),
                            layout::LoadRelaxed<Scope::kDevice>(&entry.slot.sequence)};
  const u32 loads = layout::LoadRelaxed<Scope::kDevice>(&entry.loads);
  const u32 word = layout::LoadRelaxed<Scope::kDevice>(&entry.kind);
  // Who gives up on it may be quicker; then there is nobody to tell.
  const u32 kind = TryChangeKind(entry, word, IoRequester::kNobody) ? IoEntry::KindOf(word) : u32{IoRequester::kNobody};
  const layout::IoEnd end = CollectEnd(view.io, index);
  EndLoad(view, loads, end);
  if (kind != IoRequester::kSlot) return false;
  slot = waiting;
  EndWait(view, slot, end);
  return true;
}

/// Whether a request that its requester polls for has ended, and how: as kGivenUp where the ticket names none any more. Looks at
/// the bell if nobody else does.
PENSTOCK_DEVICE bool TryEndPolled(const DeviceView& view, const IoTicket& ticket, layout::IoEnd& end) {
  using layout::Scope;
  const u32 index = ticket.index();
  const u32 queue = index / layout::kMaxIoSlots;
  end = {static_cast<u32>(layout::IoCause::kGivenUp), 0};
  if (queue >= view.io.queue_count) return true;
  const u32 kind = layout::LoadRelaxed<Scope::kDevice>(&view.io.entries[index].kind);
  if (IoTicket::Of(index, kind).value != ticket.value || IoEntry::KindOf(kind) != IoRequester::kPolled) return true;
  const u64 bit = u64{1} << index % layout::kMaxIoSlots;
  IoQueueState& state = view.io.states[queue];
  if ((layout::LoadRelaxed<Scope::kDevice>(&state.ended_polled) & bit) == 0) {
    u32 nobody = 0;
    if (layout::CompareExchange<Scope::kDevice>(&view.launch->poller, nobody, 1u)) {
      LookAtBell(view, queue);
      layout::StoreRelease<Scope::kDevice>(&view.launch->poller, 0u);
    }
    if ((layout::LoadRelaxed<Scope::kDevice>(&state.ended_polled) & bit) == 0) return false;
  }
  if (!TryChangeKind(view.io.entries[index], kind, IoRequester::kNobody)) return true;
  TryTakeEnded(state.ended_polled, index % layout::kMaxIoSlots);
  end = CollectPolled(view.io, index);
  return true;
}

// --- giving up ---

/// Gives up on a request that has been out for longer than slots may wait. The host may still transfer its bytes: until it has
/// ended it, the queue's slot is taken, and a load that it was made for goes on.
PENSTOCK_DEVICE void EndOverdue(const DeviceView& view, u32 index, u64 now_ticks) {
  using layout::Scope;
  constexpr layout::IoEnd kGivenUp = {static_cast<u32>(layout::IoCause::kGivenUp), 0};
  IoEntry& entry = view.io.entries[index];
  const u32 word = layout::LoadAcquire<Scope::kDevice>(&entry.kind);
  const u32 kind = IoEntry::KindOf(word);
  if (kind == IoRequester::kNobody) return;
  if (kind == IoRequester::kForgotten) {
    if (!TryTakeEnded(view.io.states[index / layout::kMaxIoSlots].ended_polled, index % layout::kMaxIoSlots)) return;
    TryChangeKind(entry, word, IoRequester::kNobody);
    CollectPolled(view.io, index);
    return;
  }
  const u64 since = layout::LoadRelaxed<Scope::kDevice>(&entry.since_ticks);
  if (view.TicksWaited(since, now_ticks) <= view.slot_limit_ticks) return;
  const SlotName slot = {layout::LoadRelaxed<Scope::kDevice>(&entry.slot.priority),
                         layout::LoadRelaxed<Scope::kDevice>(&entry.slot.sequence)};
  if (!TryChangeKind(entry, word, kind == IoRequester::kPolled ? IoRequester::kForgotten : IoRequester::kNobody)) return;
  if (kind != IoRequester::kSlot) return;
  EndWait(view, slot, kGivenUp);
  while (!view.deferred.TryPush(slot)) SpinPause();
}

/// Gives up on everything that is overdue. Every lane of one workgroup calls it.
PENSTOCK_DEVICE void EndAllOverdue(const DeviceView& view, const Group& group) {
  const u64 now = Group::Ticks();
  for (u32 i = group.lane(); i < view.io.queue_count * layout::kMaxIoSlots; i += group.lane_count()) EndOverdue(view, i, now);
}

}  // namespace penstock::device
