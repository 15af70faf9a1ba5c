// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/ring.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/layout/atomic.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::Edge;
using layout::IsLegalEdge;
using layout::kSlotBytes;
using layout::kSlotWords;
using layout::kStatusWord;
using layout::Scope;

absl::Status CheckSlotCount(u32 slot_count) {
  if (slot_count <= kMaxRingSlots) return absl::OkStatus();
  return MakeError(StatusCode::kInvalidArgument,
                   What(absl::StrCat("a ring of ", slot_count, " slots exceeds the limit of ", kMaxRingSlots)),
                   Fix("create the ring with at most 1048576 slots"));
}

absl::Status CheckSlotLength(size_t length_bytes) {
  if (length_bytes == kSlotBytes) return absl::OkStatus();
  return MakeError(StatusCode::kInvalidArgument,
                   What(absl::StrCat("misaligned length: ", length_bytes, " bytes were given for a slot of ", kSlotBytes)),
                   Fix("give exactly 64 bytes"));
}

const char* EdgeName(Edge edge) {
  switch (edge) {
    case Edge::kPublish: return "publish";
    case Edge::kClaim: return "claim";
    case Edge::kResume: return "resume";
    case Edge::kDone: return "finish";
    case Edge::kFault: return "fault";
    case Edge::kAcknowledge: return "acknowledge";
    case Edge::kCancel: return "cancel";
    case Edge::kWaitIo: return "suspend";
    case Edge::kYield: return "yield";
    case Edge::kRequeue: return "requeue";
  }
  return "change";
}

std::string NameAndNumber(u32 status) { return absl::StrCat(layout::StatusName(status), " (", status, ")"); }

absl::Status PublishRefused(u32 slot_index, u32 status) {
  const bool in_flight = IsLegalEdge(Edge::kFault, status);  // only a slot in flight can still end as FAULT
  if (in_flight) {
    return MakeError(StatusCode::kResourceExhausted,
                     What(absl::StrCat("slot ", slot_index, " is still in flight: its status is ", NameAndNumber(status))),
                     Fix("wait until the slot is DONE, or publish into another one"));
  }
  return MakeError(StatusCode::kFailedPrecondition,
                   What(absl::StrCat("cannot publish over slot ", slot_index, ": its status is ", NameAndNumber(status))),
                   Fix("read the fault's reason and acknowledge the slot before it is published again"));
}

absl::Status EdgeRefused(Edge edge, u32 slot_index, u32 status) {
  return MakeError(StatusCode::kFailedPrecondition,
                   What(absl::StrCat("cannot ", EdgeName(edge), " slot ", slot_index, ": its status is ", NameAndNumber(status))),
                   Fix("read the slot's status first and take a legal edge from it (docs/protocol.md, Ring slot)"));
}

}  // namespace

absl::StatusOr<RingView> RingView::Over(absl::Span<std::byte> bytes, u32 slot_count) {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotCount(slot_count));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(u32) != 0) {
    return MakeError(StatusCode::kInvalidArgument, What("misaligned ring: its bytes do not start at a multiple of 4"),
                     Fix("allocate the ring's bytes aligned to 64"));
  }
  const size_t needed_bytes = size_t{slot_count} * kSlotBytes;
  if (bytes.size() < needed_bytes) {
    return MakeError(StatusCode::kOutOfRange,
                     What(absl::StrCat("missing word: a ring of ", slot_count, " slots needs ", needed_bytes, " bytes and has ",
                                       bytes.size())),
                     Fix("hand in 64 bytes for each slot, or lower the slot count"));
  }
  return RingView(reinterpret_cast<u32*>(bytes.data()), slot_count);
}

absl::StatusOr<u32*> RingView::FindSlot(u32 slot_index) const {
  if (slot_index < slot_count_) return words_ + size_t{slot_index} * kSlotWords;
  return MakeError(StatusCode::kOutOfRange,
                   What(absl::StrCat("missing word: slot ", slot_index, " of a ring of ", slot_count_, " slots")),
                   Fix("use a slot index below the ring's slot count"));
}

absl::Status RingView::Publish(u32 slot_index, absl::Span<const std::byte> slot) const {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotLength(slot.size()));
  PENSTOCK_ASSIGN_OR_RETURN(u32* const word, FindSlot(slot_index));
  u32 source[kSlotWords];
  std::memcpy(source, slot.data(), kSlotBytes);
  if (source[kStatusWord] != layout::kPublished) {
    return MakeError(StatusCode::kInvalidArgument,
                     What(absl::StrCat("the bytes for slot ", slot_index, " have status ", source[kStatusWord])),
                     Fix("set the status word of a slot to PUBLISHED (1) before publishing it"));
  }
  // Nothing but a publish leaves EMPTY or DONE, so the slot stays the publisher's until the status is stored.
  const u32 status = layout::LoadAcquire<Scope::kSystem>(&word[kStatusWord]);
  if (!IsLegalEdge(Edge::kPublish, status)) return PublishRefused(slot_index, status);
  for (u32 i = kStatusWord + 1; i < kSlotWords; ++i) layout::StoreRelaxed<Scope::kSystem>(&word[i], source[i]);
  layout::StoreRelease<Scope::kSystem>(&word[kStatusWord], layout::kPublished);
  return absl::OkStatus();
}

absl::Status RingView::ReadSlot(u32 slot_index, absl::Span<std::byte> slot) const {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotLength(slot.size()));
  PENSTOCK_ASSIGN_OR_RETURN(const u32* const word, FindSlot(slot_index));
  u32 copy[kSlotWords];
  copy[kStatusWord] = layout::LoadAcquire<Scope::kSystem>(&word[kStatusWord]);
  for (u32 i = kStatusWord + 1; i < kSlotWords; ++i) copy[i] = layout::LoadRelaxed<Scope::kSystem>(&word[i]);
  std::memcpy(slot.data(), copy, kSlotBytes);
  return absl::OkStatus();
}

u32 RingView::DoneCount() const {
  u32 done = 0;
  for (u32 i = 0; i < slot_count_; ++i) {
    const u32* status = words_ + size_t{i} * kSlotWords + kStatusWord;
    if (layout::LoadRelaxed<Scope::kSystem>(status) == layout::kDone) ++done;
  }
  return done;
}

absl::Status RingView::Move(u32 slot_index, Edge edge, u32 to_status) const {
  PENSTOCK_ASSIGN_OR_RETURN(u32* const word, FindSlot(slot_index));
  u32 status = layout::LoadRelaxed<Scope::kSystem>(&word[kStatusWord]);
  // The exchange decides between Claim and Cancel. Both sides of a view are threads of the host, so it stays off the bus.
  while (IsLegalEdge(edge, status)) {
    if (layout::CompareExchange<Scope::kDevice>(&word[kStatusWord], status, to_status)) return absl::OkStatus();
  }
  return EdgeRefused(edge, slot_index, status);
}

absl::Status RingView::Finish(u32 slot_index, Edge edge, u32 to_status, u64 result) const {
  PENSTOCK_ASSIGN_OR_RETURN(u32* const word, FindSlot(slot_index));
  const u32 status = layout::LoadAcquire<Scope::kSystem>(&word[kStatusWord]);
  if (!IsLegalEdge(edge, status)) return EdgeRefused(edge, slot_index, status);
  layout::StoreRelaxed<Scope::kSystem>(&word[layout::kResultLowWord], layout::LowWord(result));
  layout::StoreRelaxed<Scope::kSystem>(&word[layout::kResultHighWord], layout::HighWord(result));
  layout::StoreRelease<Scope::kSystem>(&word[kStatusWord], to_status);
  return absl::OkStatus();
}

absl::Status RingView::Claim(u32 slot_index) const { return Move(slot_index, Edge::kClaim, layout::kClaimed); }

absl::Status RingView::Done(u32 slot_index, u64 result) const { return Finish(slot_index, Edge::kDone, layout::kDone, result); }

absl::Status RingView::Fault(u32 slot_index, layout::FaultReason reason, u32 detail) const {
  return Finish(slot_index, Edge::kFault, layout::kFault, layout::JoinWords(detail, static_cast<u32>(reason)));
}

absl::Status RingView::Acknowledge(u32 slot_index) const { return Move(slot_index, Edge::kAcknowledge, layout::kEmpty); }

absl::Status RingView::Cancel(u32 slot_index) const { return Move(slot_index, Edge::kCancel, layout::kEmpty); }

absl::StatusOr<HostRing> HostRing::Create(u32 slot_count) {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotCount(slot_count));
  std::vector<layout::Slot> storage(slot_count);
  const absl::Span<std::byte> bytes(reinterpret_cast<std::byte*>(storage.data()), size_t{slot_count} * kSlotBytes);
  PENSTOCK_ASSIGN_OR_RETURN(const RingView view, RingView::Over(bytes, slot_count));
  return HostRing(std::move(storage), view);
}

absl::StatusOr<HostRing> HostRing::Over(absl::Span<std::byte> bytes, u32 slot_count) {
  PENSTOCK_ASSIGN_OR_RETURN(const RingView view, RingView::Over(bytes, slot_count));
  return HostRing({}, view);
}

}  // namespace penstock
