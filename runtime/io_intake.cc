// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_intake.h"

#include <bit>

#include "penstock/check.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/slot.h"
#include "runtime/io_words.h"

namespace penstock {
namespace {

using layout::Scope;

u32 TicketOfCell(u32 cell) { return (cell / layout::kMaxIoSlots - 1) & layout::kIoTicketMask; }

/// How far `ticket` comes after `other`, in a circle of 2^26; negative if before.
i32 Distance(u32 ticket, u32 other) {
  constexpr u32 kUnused = 32 - layout::kIoTicketBits;
  return static_cast<i32>((ticket - other) << kUnused) >> kUnused;
}

}  // namespace

/// Tickets are served without gaps, and at most 64 wait. A ticket was served if its slot is not PUBLISHED any more, or is so for
/// a later ticket. The last served one is looked for backwards from the last one given.
u32 FindNextIoTicket(const layout::LiveIoQueue& queue) {
  std::optional<u32> last;
  for (const u32& order : queue.order) {
    const u32 cell = layout::LoadAcquire<Scope::kSystem>(&order);
    if (cell != 0 && (!last.has_value() || Distance(TicketOfCell(cell), *last) > 0)) last = TicketOfCell(cell);
  }
  if (!last.has_value()) return 0;
  u64 published_later = 0;
  u32 first_waiting = (*last + 1) & layout::kIoTicketMask;
  for (u32 back = 0; back < layout::kMaxIoSlots; ++back) {
    const u32 ticket = (*last - back) & layout::kIoTicketMask;
    const u32 cell = layout::LoadAcquire<Scope::kSystem>(&queue.order[ticket % layout::kMaxIoSlots]);
    if (cell == 0 || !layout::IsIoTicket(cell, ticket)) continue;  // taken, and not yet stored; or before the first ticket
    const u32 slot = layout::IoSlotOfCell(cell);
    const bool published = layout::LoadAcquire<Scope::kSystem>(&queue.slot[slot].status) == layout::kPublished;
    if (!published || (published_later & IoSlotBit(slot)) != 0) return (ticket + 1) & layout::kIoTicketMask;
    published_later |= IoSlotBit(slot);
    first_waiting = ticket;
  }
  // Nothing was ever served: what was not yet stored comes before what was, down to the first ticket.
  return *last < layout::kMaxIoSlots ? 0 : first_waiting;
}

IoIntake::IoIntake(layout::LiveIoQueue& queue, u64& bell)
    : queue_(queue),
      bell_(bell),
      bell_value_(layout::LoadAcquire<Scope::kSystem>(&bell)),
      next_ticket_(FindNextIoTicket(queue)) {}

bool IoIntake::HasNext() const {
  return layout::IsIoTicket(layout::LoadWatching<Scope::kSystem>(&queue_.order[next_ticket_ % layout::kMaxIoSlots]),
                            next_ticket_);
}

std::optional<IoIntake::Taken> IoIntake::TakeNext() {
  while (HasNext()) {
    const u32* const cell = &queue_.order[next_ticket_ % layout::kMaxIoSlots];
    layout::AcquireAfterWatching<Scope::kSystem>(cell);  // Pairs with the requester's store of the cell.
    const u32 slot = layout::IoSlotOfCell(layout::LoadRelaxed<Scope::kSystem>(cell));
    next_ticket_ = (next_ticket_ + 1) & layout::kIoTicketMask;
    u32* const status = &queue_.slot[slot].status;
    if ((in_flight_ & IoSlotBit(slot)) != 0 || layout::LoadRelaxed<Scope::kSystem>(status) != layout::kPublished) {
      ++protocol_errors_;
      continue;
    }
    const Taken taken{slot, CopyIoRequest(queue_.slot[slot])};
    layout::StoreRelaxed<Scope::kSystem>(status, layout::kClaimed);
    in_flight_ |= IoSlotBit(slot);
    return taken;
  }
  return std::nullopt;
}

void IoIntake::End(u32 slot, layout::IoEnd end) {
  PENSTOCK_CHECK((in_flight_ & ~ended_ & IoSlotBit(slot)) != 0);
  ends_[slot] = end;
  ended_ |= IoSlotBit(slot);
}

void IoIntake::EndAfterOthers(u32 slot) {
  const u64 others = in_flight_ & ~IoSlotBit(slot);
  if (others == 0) return End(slot, {});
  ends_[slot] = {};
  fences_.Add(slot, others);
}

void IoIntake::EndAll(layout::IoEnd end) {
  for (u64 left = in_flight_ & ~ended_; left != 0; left &= left - 1) End(static_cast<u32>(std::countr_zero(left)), end);
}

u64 IoIntake::PublishEnds() {
  const u64 ended = ended_ | fences_.Settle(ended_);
  for (u64 left = ended; left != 0; left &= left - 1) {
    const auto slot = static_cast<u32>(std::countr_zero(left));
    const layout::IoEnd& end = ends_[slot];
    layout::StoreRelaxed<Scope::kSystem>(&queue_.end[slot].cause, end.cause);
    layout::StoreRelaxed<Scope::kSystem>(&queue_.end[slot].bytes, end.bytes);
    layout::StoreRelease<Scope::kSystem>(&queue_.slot[slot].status, end.ok() ? layout::kIoOk : layout::kIoError);
  }
  in_flight_ &= ~ended;
  ended_ = 0;
  bell_value_ ^= ended;
  // Pairs with the acquire of whoever waits: who sees its bit toggled sees its end, and may give the slot back.
  if (ended != 0) layout::StoreRelease<Scope::kSystem>(&bell_, bell_value_);
  return ended;
}

}  // namespace penstock
