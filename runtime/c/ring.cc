// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "penstock/error.h"
#include "penstock/layout/slot.h"
#include "runtime/c/device.h"
#include "runtime/c/error.h"

namespace penstock::c {
namespace {

static_assert(sizeof(penstock_slot) == layout::kSlotBytes);
static_assert(PENSTOCK_SLOT_DONE == layout::kDone && PENSTOCK_SLOT_FAULT == layout::kFault);

absl::Status CheckPriority(u32 priority) {
  if (priority < layout::kPriorityCount) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("priority ", priority, " is none")),
                   Fix("set it to 0 (highest) to 4; 2 is the usual one"));
}

absl::Status Publish(penstock_device* device, const penstock_slot* slot, penstock_ticket* ticket) {
  if (device == nullptr) return NullArgument("penstock_ring_publish", "device");
  if (slot == nullptr) return NullArgument("penstock_ring_publish", "slot");
  if (ticket == nullptr) return NullArgument("penstock_ring_publish", "ticket");
  PENSTOCK_RETURN_IF_ERROR(CheckPriority(slot->word[layout::kPriorityWord]));
  Work work = {.opcode = slot->word[layout::kOpcodeWord],
               .tenant = slot->word[layout::kTenantWord],
               .priority = static_cast<layout::Priority>(slot->word[layout::kPriorityWord])};
  std::copy_n(slot->word + layout::kArgumentWord, layout::kArgumentCount, work.argument.begin());
  device->used = true;
  PENSTOCK_ASSIGN_OR_RETURN(const Ticket published, device->device->ring().Publish(work));
  *ticket = {static_cast<u32>(published.priority), published.sequence};
  return absl::OkStatus();
}

penstock_slot SlotOf(const Completion& completion) {
  penstock_slot slot = {};
  slot.word[layout::kStatusWord] = completion.ok() ? layout::kDone : layout::kFault;
  slot.word[layout::kPriorityWord] = static_cast<u32>(completion.ticket.priority);
  slot.word[layout::kResultLowWord] = completion.ok() ? layout::LowWord(completion.result) : completion.fault_detail;
  slot.word[layout::kResultHighWord] = completion.ok() ? layout::HighWord(completion.result) : static_cast<u32>(completion.fault);
  return slot;
}

/// A device that is lost ends no slot by itself: whoever has waited in vain looks whether it is, which ends them all.
absl::StatusOr<Completion> WaitOrFindLost(Device& device, const Ticket& ticket, absl::Duration timeout) {
  absl::StatusOr<Completion> completion = device.ring().Wait(ticket, timeout);
  if (completion.status().code() != absl::StatusCode::kDeadlineExceeded) return completion;
  const absl::Status lost = device.Check();
  if (lost.ok()) return completion;
  completion = device.ring().Wait(ticket, absl::ZeroDuration());
  return completion.ok() ? completion : lost;
}

absl::Status Reap(penstock_device* device, const penstock_ticket* ticket, uint32_t timeout_ms, penstock_slot* slot) {
  if (device == nullptr) return NullArgument("penstock_ring_reap", "device");
  if (ticket == nullptr) return NullArgument("penstock_ring_reap", "ticket");
  if (slot == nullptr) return NullArgument("penstock_ring_reap", "slot");
  PENSTOCK_RETURN_IF_ERROR(CheckPriority(ticket->priority));
  const Ticket published = {static_cast<layout::Priority>(ticket->priority), ticket->sequence};
  if (!device->device->ring().IsInFlight(published)) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("the ticket of priority ", ticket->priority, ", sequence ", ticket->sequence,
                                       " was not published on this device, or has been reaped")),
                     Fix("reap every ticket that penstock_ring_publish has written once"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Completion completion,
                            WaitOrFindLost(*device->device, published, absl::Milliseconds(timeout_ms)));
  *slot = SlotOf(completion);
  return absl::OkStatus();
}

}  // namespace
}  // namespace penstock::c

int penstock_ring_publish(penstock_device* device, const penstock_slot* slot, penstock_ticket* ticket, penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Publish(device, slot, ticket); });
}

int penstock_ring_reap(penstock_device* device, const penstock_ticket* ticket, uint32_t timeout_ms, penstock_slot* slot,
                       penstock_error** error) {
  return penstock::c::Guarded(error, [&] { return penstock::c::Reap(device, ticket, timeout_ms, slot); });
}
