// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/live_ring.h"

#include <time.h>

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/packed_slot.h"

namespace penstock {
namespace {

using layout::Scope;

constexpr u32 kSpinsBeforeSleep = 2000;  // about 50 us
constexpr long kFirstSleepNs = 20'000;
constexpr long kLongestSleepNs = 200'000;

u32 Index(layout::Priority priority) { return static_cast<u32>(priority); }

bool IsFinal(u32 status) { return status == layout::kDone || status == layout::kFault; }

}  // namespace

absl::Status Completion::ToStatus(std::string_view what) const {
  if (ok()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrFormat("%s ended as FAULT %d: %s (detail %#x)", std::string(what), static_cast<u32>(fault),
                                        layout::FaultText(fault), fault_detail)),
                   Fix("look the reason up in docs/protocol.md and correct the slot's arguments"));
}

absl::StatusOr<LiveRing> LiveRing::Create(const Storage& storage, const Options& options) {
  LiveRing ring;
  for (u32 p = 0; p < layout::kPriorityCount; ++p) {
    const u32 count = options.slot_counts[p];
    if (!std::has_single_bit(count) || count > kMaxSubRingSlots) {
      return MakeError(
          absl::StatusCode::kInvalidArgument,
          What(absl::StrCat("sub-ring ", p, " has ", count, " slots, which is not a power of two up to ", kMaxSubRingSlots)),
          Fix("set every slot count to a power of two"));
    }
    ring.offset_[p + 1] = ring.offset_[p] + count;
    ring.sub_rings_[p] = {options.first_sequence, options.first_sequence};
  }
  const bool times_fit = storage.times.empty() || storage.times.size() >= ring.slot_count();
  if (storage.doorbell == nullptr || storage.slots.size() < ring.slot_count() || !times_fit) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("ring storage has ", storage.slots.size(), " slots and ", storage.times.size(),
                                       " times of ", ring.slot_count(), " needed")),
                     Fix("hand in a doorbell, and as many slots as the sub-rings have together, and of times as many or none"));
  }
  ring.slots_ = storage.slots.first(ring.slot_count());
  ring.times_ = storage.times;
  ring.doorbell_ = storage.doorbell;
  ring.argument_count_ = options.argument_count;
  ring.reaped_.assign(ring.slot_count(), u8{1});
  for (u64& bell : storage.doorbell->bell) {
    layout::StoreRelease<Scope::kSystem>(&bell, layout::MakeBell(options.first_sequence, ring.epoch_));
  }
  return ring;
}

u32 LiveRing::SlotIndex(const Ticket& ticket) const {
  const u32 p = Index(ticket.priority);
  return offset_[p] + (ticket.sequence & (offset_[p + 1] - offset_[p] - 1));
}

u32 LiveRing::free_slots(layout::Priority priority) const {
  const u32 p = Index(priority);
  if (p >= layout::kPriorityCount) return 0;
  return offset_[p + 1] - offset_[p] - (sub_rings_[p].tail - sub_rings_[p].oldest);
}

LiveRing::Obstacle LiveRing::FindObstacle(const Work& work) const {
  const u32 p = Index(work.priority);
  if (p >= layout::kPriorityCount) return Obstacle::kPriority;
  if (!layout::IsPublishable(work.opcode)) return Obstacle::kOpcode;
  if (ValidatePacked(work) != layout::PackedError::kNone) return Obstacle::kPackedSlot;
  if (free_slots(work.priority) == 0) return Obstacle::kFull;
  const u32* status = &slots_[SlotIndex({work.priority, sub_rings_[p].tail})].word[layout::kStatusWord];
  const bool legal = layout::IsLegalEdge(layout::Edge::kPublish, layout::LoadRelaxed<Scope::kSystem>(status));
  return legal ? Obstacle::kNone : Obstacle::kSlotTouched;
}

layout::PackedError LiveRing::ValidatePacked(const Work& work) const {
  if (work.opcode != layout::kPackedSlot || argument_count_ == nullptr) return layout::PackedError::kNone;
  return layout::PackedSlot::Validate(work.argument.data(), argument_count_);
}

absl::Status LiveRing::ErrorOf(Obstacle obstacle, const Work& work) const {
  const u32 p = Index(work.priority);
  if (obstacle == Obstacle::kPriority) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("priority ", p, " exceeds 4 (idle)")),
                     Fix("use one of the five values of layout::Priority"));
  }
  if (obstacle == Obstacle::kOpcode) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrFormat("opcode %#x is reserved", work.opcode)),
                     Fix("publish a built-in or a user opcode (8 to 0xffef, 0x10000 to 0x7fffffff)"));
  }
  if (obstacle == Obstacle::kPackedSlot) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("packed slot: ", layout::PackedErrorText(ValidatePacked(work)))),
                     Fix("build the payload with layout::PackedSlot::Encode"));
  }
  if (obstacle == Obstacle::kFull) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     What(absl::StrCat("all ", offset_[p + 1] - offset_[p], " slots of sub-ring ", p, " are in flight")),
                     Fix("reap finished slots, then publish again"));
  }
  const u32 index = SlotIndex({work.priority, sub_rings_[p].tail});
  const u32 status = layout::LoadRelaxed<Scope::kSystem>(&slots_[index].word[layout::kStatusWord]);
  return MakeError(absl::StatusCode::kInternal,
                   What(absl::StrCat("slot ", index, " is ", layout::StatusName(status), " although it was reaped")),
                   Fix("open a new device: something has written to the ring that should not"));
}

absl::StatusOr<Ticket> LiveRing::Publish(const Work& work) {
  if (const Obstacle obstacle = FindObstacle(work); obstacle != Obstacle::kNone) [[unlikely]]
    return ErrorOf(obstacle, work);
  const u32 p = Index(work.priority);
  const Ticket ticket = {work.priority, sub_rings_[p].tail};
  const u32 index = SlotIndex(ticket);
  u32* word = slots_[index].word;
  layout::StoreRelaxed<Scope::kSystem>(&word[layout::kOpcodeWord], work.opcode);
  layout::StoreRelaxed<Scope::kSystem>(&word[layout::kTenantWord], work.tenant);
  layout::StoreRelaxed<Scope::kSystem>(&word[layout::kPriorityWord], p);
  for (u32 i = 0; i < layout::kArgumentCount; ++i) {
    layout::StoreRelaxed<Scope::kSystem>(&word[layout::kArgumentWord + i], work.argument[i]);
  }
  layout::StoreRelease<Scope::kSystem>(&word[layout::kStatusWord], layout::kPublished);
  reaped_[index] = 0;
  ++in_flight_;
  // Pairs with the acquire in ReadDoorbell: whoever sees this tail sees the slot.
  layout::StoreRelease<Scope::kSystem>(&doorbell_->bell[p], layout::MakeBell(++sub_rings_[p].tail, epoch_));
  return ticket;
}

layout::SlotTimes LiveRing::TimesOf(u32 index) const {
  if (times_.empty()) return {};
  return {layout::LoadRelaxed<Scope::kSystem>(&times_[index].claimed_ticks),
          layout::LoadRelaxed<Scope::kSystem>(&times_[index].ended_ticks)};
}

bool LiveRing::IsInFlight(const Ticket& ticket) const {
  const u32 p = Index(ticket.priority);
  if (p >= layout::kPriorityCount) return false;
  const SubRing& sub_ring = sub_rings_[p];
  return ticket.sequence - sub_ring.oldest < sub_ring.tail - sub_ring.oldest && reaped_[SlotIndex(ticket)] == 0;
}

bool LiveRing::TryReap(const Ticket& ticket, Completion& completion) {
  PENSTOCK_CHECK(IsInFlight(ticket));
  SubRing& sub_ring = sub_rings_[Index(ticket.priority)];
  const u32 index = SlotIndex(ticket);
  u32* word = slots_[index].word;
  // Pairs with the release in Interpreter::Complete.
  const u32 status = layout::LoadAcquire<Scope::kSystem>(&word[layout::kStatusWord]);
  if (!IsFinal(status)) return false;
  const u32 low = layout::LoadRelaxed<Scope::kSystem>(&word[layout::kResultLowWord]);
  const u32 high = layout::LoadRelaxed<Scope::kSystem>(&word[layout::kResultHighWord]);
  if (status == layout::kDone) {
    completion = {.ticket = ticket, .result = layout::JoinWords(low, high)};
  } else {
    // A handler that faults without a reason has faulted all the same.
    const auto reason = high != 0 ? static_cast<layout::FaultReason>(high) : layout::FaultReason::kHandlerFault;
    completion = {.ticket = ticket, .fault = reason, .fault_detail = low};
    layout::StoreRelaxed<Scope::kSystem>(&word[layout::kStatusWord], layout::kEmpty);  // acknowledged
  }
  completion.times = TimesOf(index);
  reaped_[index] = 1;
  --in_flight_;
  while (sub_ring.oldest != sub_ring.tail && reaped_[SlotIndex({ticket.priority, sub_ring.oldest})] != 0) ++sub_ring.oldest;
  return true;
}

bool LiveRing::TryReapNext(layout::Priority priority, Completion& completion) {
  if (Index(priority) >= layout::kPriorityCount) return false;
  const SubRing& sub_ring = sub_rings_[Index(priority)];
  return sub_ring.oldest != sub_ring.tail && TryReap({priority, sub_ring.oldest}, completion);
}

absl::StatusOr<Completion> LiveRing::Wait(const Ticket& ticket, absl::Duration timeout) {
  Completion completion;
  if (TryReap(ticket, completion)) return completion;
  const u64 start = MonotonicNs();
  const u64 limit = static_cast<u64>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(timeout)));
  long sleep_ns = kFirstSleepNs;
  for (u32 round = 1;; ++round) {
    if (TryReap(ticket, completion)) return completion;
    if (round < kSpinsBeforeSleep) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
      if (round % 64 != 0) continue;
    } else {
      const timespec time = {0, sleep_ns};
      nanosleep(&time, nullptr);
      sleep_ns = std::min(2 * sleep_ns, kLongestSleepNs);
    }
    if (MonotonicNs() - start >= limit) break;
  }
  return MakeError(
      absl::StatusCode::kDeadlineExceeded,
      What(absl::StrCat("slot ", SlotIndex(ticket), " of the ring (sub-ring ", Index(ticket.priority), ", sequence ",
                        ticket.sequence, ") has not ended after ", absl::FormatDuration(timeout), " and is still in flight")),
      Fix("check that the device was started, and wait again"));
}

void LiveRing::SetShutdown(bool shutdown) { layout::StoreRelease<Scope::kSystem>(&doorbell_->shutdown, u64{shutdown}); }

void LiveRing::BeginEpoch() {
  ++epoch_;
  for (u32 p = 0; p < layout::kPriorityCount; ++p) {
    // Pairs with the acquire in ReadDoorbell: whoever sees this epoch sees the tenant table that it is of.
    layout::StoreRelease<Scope::kSystem>(&doorbell_->bell[p], layout::MakeBell(sub_rings_[p].tail, epoch_));
  }
}

void LiveRing::EndAsLost() {
  for (u32 p = 0; p < layout::kPriorityCount; ++p) {
    for (u32 sequence = sub_rings_[p].oldest; sequence != sub_rings_[p].tail; ++sequence) {
      const u32 index = SlotIndex({static_cast<layout::Priority>(p), sequence});
      u32* word = slots_[index].word;
      if (reaped_[index] != 0 || IsFinal(layout::LoadAcquire<Scope::kSystem>(&word[layout::kStatusWord]))) continue;
      if (!times_.empty()) times_[index] = {};
      layout::StoreRelaxed<Scope::kSystem>(&word[layout::kResultLowWord], 0u);
      layout::StoreRelaxed<Scope::kSystem>(&word[layout::kResultHighWord], static_cast<u32>(layout::FaultReason::kDeviceLost));
      layout::StoreRelease<Scope::kSystem>(&word[layout::kStatusWord], layout::kFault);
    }
  }
}

void LiveRing::DumpSubRing(u32 priority, std::string& text) const {
  const u32 tail = layout::BellTail(layout::LoadAcquire<Scope::kSystem>(&doorbell_->bell[priority]));
  const u32 count = offset_[priority + 1] - offset_[priority];
  std::array<u32, layout::kFault + 1> by_status = {};
  std::string lines;
  for (u32 back = count; back > 0; --back) {
    const u32 sequence = tail - back;
    const u32 index = offset_[priority] + (sequence & (count - 1));
    std::array<u32, layout::kSlotWords> word;
    for (u32 i = 0; i < layout::kSlotWords; ++i) word[i] = layout::LoadRelaxed<Scope::kSystem>(&slots_[index].word[i]);
    ++by_status[std::min(word[layout::kStatusWord], layout::kFault)];
    if (word[layout::kStatusWord] == layout::kEmpty) continue;
    absl::StrAppendFormat(&lines, "  slot %4u seq %10u %-9s opcode %#010x tenant %2u args", index, sequence,
                          layout::StatusName(word[layout::kStatusWord]), word[layout::kOpcodeWord], word[layout::kTenantWord]);
    for (u32 i = 0; i < layout::kArgumentCount; ++i) absl::StrAppendFormat(&lines, " %x", word[layout::kArgumentWord + i]);
    lines += '\n';
  }
  absl::StrAppendFormat(&text, "sub-ring %u: %u slots, tail %u:", priority, count, tail);
  for (u32 status = 0; status <= layout::kFault; ++status) {
    if (by_status[status] != 0) absl::StrAppend(&text, " ", layout::StatusName(status), " ", by_status[status]);
  }
  absl::StrAppend(&text, "\n", lines);
}

std::string LiveRing::Dump() const {
  std::string text;
  for (u32 p = 0; p < layout::kPriorityCount; ++p) DumpSubRing(p, text);
  return text;
}

}  // namespace penstock
