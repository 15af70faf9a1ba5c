// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/io_queue.h"

#include <array>
#include <limits>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/slot.h"
#include "runtime/io_words.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::IoEnd;
using layout::IoRequest;
using layout::IoSlot;
using layout::kIoSlotBytes;
using layout::kMaxIoSlots;
using layout::Scope;

absl::Status CheckSlotCount(size_t slot_count) {
  if (slot_count <= kMaxIoSlots) return absl::OkStatus();
  return MakeError(StatusCode::kInvalidArgument,
                   What(absl::StrCat("an I/O queue of ", slot_count, " slots exceeds the limit of ", kMaxIoSlots, " slots")),
                   Fix("use several queues of at most 64 slots each"));
}

std::string NameAndNumber(u32 status) {
  if (status == layout::kIoOk) return absl::StrCat("OK (", status, ")");
  if (status == layout::kIoError) return absl::StrCat("ERROR (", status, ")");
  return absl::StrCat(layout::StatusName(status), " (", status, ")");
}

absl::Status PublishRefused(u32 slot_id, u32 status) {
  if (status == layout::kPublished || status == layout::kClaimed) {
    return MakeError(StatusCode::kResourceExhausted,
                     What(absl::StrCat("I/O slot ", slot_id, " is still in flight: its status is ", NameAndNumber(status))),
                     Fix("wait until what it holds has been taken or completed, or use another slot"));
  }
  return MakeError(StatusCode::kFailedPrecondition,
                   What(absl::StrCat("I/O slot ", slot_id, " is not EMPTY: its status is ", NameAndNumber(status))),
                   Fix("take its completion (PollCompletions) before the slot is used again"));
}

bool IsEnded(u32 status) { return status == layout::kIoOk || status == layout::kIoError; }

void StoreWords(const IoRequest& words, IoSlot& slot) {
  IoSlot copy;
  EncodeIoRequest(words, copy);
  layout::StoreRelaxed<Scope::kSystem>(&slot.op_type, copy.op_type);
  layout::StoreRelaxed<Scope::kSystem>(&slot.source_handle, copy.source_handle);
  layout::StoreRelaxed<Scope::kSystem>(&slot.destination_handle, copy.destination_handle);
  layout::StoreRelaxed<Scope::kSystem>(&slot.offset_low, copy.offset_low);
  layout::StoreRelaxed<Scope::kSystem>(&slot.offset_high, copy.offset_high);
  layout::StoreRelaxed<Scope::kSystem>(&slot.byte_count, copy.byte_count);
  layout::StoreRelaxed<Scope::kSystem>(&slot.tag, copy.tag);
}

u32 LoadStatus(const IoSlot& slot) { return layout::LoadAcquire<Scope::kSystem>(&slot.status); }
void StoreStatus(IoSlot& slot, u32 status) { layout::StoreRelease<Scope::kSystem>(&slot.status, status); }

// What a poll finds, before the caller's vector is touched: so that its size is known, and allocated exactly.
template <typename Item>
class Found {
 public:
  void Add(const Item& item) { items_[count_++] = item; }
  void MoveTo(std::vector<Item>& items) const { items.assign(items_.begin(), items_.begin() + count_); }

 private:
  std::array<Item, kMaxIoSlots> items_;
  u32 count_ = 0;
};

}  // namespace

absl::Status EncodeEmptyIoQueue(u32 slots, std::vector<std::byte>& bytes) {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotCount(slots));
  bytes.assign(size_t{slots} * kIoSlotBytes, std::byte{0});
  return absl::OkStatus();
}

absl::StatusOr<u32> IoQueueSlotsIn(absl::Span<const std::byte> bytes) {
  if (bytes.size() % sizeof(u32) != 0) {
    return MakeError(StatusCode::kInvalidArgument,
                     What(absl::StrCat("an I/O queue's ", bytes.size(), " bytes are not a multiple of 4: they are no words")),
                     Fix("hand in 32 bytes for each slot"));
  }
  if (bytes.size() % kIoSlotBytes != 0) {
    return MakeError(
        StatusCode::kInvalidArgument,
        What(absl::StrCat("an I/O queue's ", bytes.size(), " bytes are not a multiple of 32: the last slot is cut off")),
        Fix("hand in 32 bytes for each slot"));
  }
  PENSTOCK_RETURN_IF_ERROR(CheckSlotCount(bytes.size() / kIoSlotBytes));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(IoSlot) != 0) {
    return MakeError(StatusCode::kInvalidArgument, What("misaligned I/O queue: its bytes do not start at a multiple of 4"),
                     Fix("allocate the queue's bytes aligned to 64"));
  }
  return static_cast<u32>(bytes.size() / kIoSlotBytes);
}

absl::StatusOr<u32> IoSlotOffsetBytes(u32 slot_id) {
  if (slot_id <= std::numeric_limits<u32>::max() / kIoSlotBytes) return slot_id * kIoSlotBytes;
  return MakeError(StatusCode::kOutOfRange, What(absl::StrCat("overflow: I/O slot ", slot_id, " begins at no offset of 32 bits")),
                   Fix("use a slot id below the queue's slot count"));
}

absl::StatusOr<IoQueueView> IoQueueView::Over(absl::Span<std::byte> bytes, absl::Span<IoEnd> ends) {
  PENSTOCK_ASSIGN_OR_RETURN(const u32 slot_count, IoQueueSlotsIn(bytes));
  if (!ends.empty() && ends.size() < slot_count) {
    return MakeError(StatusCode::kInvalidArgument,
                     What(absl::StrCat("an I/O queue of ", slot_count, " slots has only ", ends.size(), " ends beside it")),
                     Fix("hand in an end for each slot, or none"));
  }
  return IoQueueView(reinterpret_cast<IoSlot*>(bytes.data()), slot_count, ends.empty() ? nullptr : ends.data());
}

absl::Status IoQueueView::CheckSlotId(u32 slot_id) const {
  if (slot_id < slot_count_) return absl::OkStatus();
  PENSTOCK_RETURN_IF_ERROR(IoSlotOffsetBytes(slot_id).status());
  return MakeError(StatusCode::kOutOfRange,
                   What(absl::StrCat(slot_id, " is no valid slot id of an I/O queue of ", slot_count_, " slots")),
                   Fix("use a slot id below the queue's slot count"));
}

absl::Status IoQueueView::Publish(u32 slot_id, const IoRequest& words) const {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotId(slot_id));
  IoSlot& slot = slots_[slot_id];
  // Nothing but a publish leaves EMPTY, so the slot stays the publisher's until the status is stored.
  const u32 status = LoadStatus(slot);
  if (status != layout::kEmpty) return PublishRefused(slot_id, status);
  StoreWords(words, slot);
  StoreStatus(slot, layout::kPublished);
  return absl::OkStatus();
}

absl::Status IoQueueView::Submit(u32 slot_id, const IoRequest& request) const {
  if (layout::IsIoRequest(request.op_type)) return Publish(slot_id, request);
  return MakeError(StatusCode::kInvalidArgument,
                   What(absl::StrCat("operation ", request.op_type, " for I/O slot ", slot_id, " is no request")),
                   Fix("submit READ (1), WRITE (2) or FENCE (3); the host's announcements go through Announce"));
}

absl::Status IoQueueView::Announce(u32 slot_id, const IoRequest& announcement) const {
  if (layout::IsIoAnnouncement(announcement.op_type)) return Publish(slot_id, announcement);
  return MakeError(StatusCode::kInvalidArgument,
                   What(absl::StrCat("operation ", announcement.op_type, " for I/O slot ", slot_id, " is no announcement")),
                   Fix("announce with kIoAnnounce (0x80000001); the device's requests go through Submit"));
}

void IoQueueView::PollCompletions(std::vector<IoFinished>& finished) const {
  Found<IoFinished> found;
  for (u32 i = 0; i < slot_count_; ++i) {
    const u32 status = LoadStatus(slots_[i]);
    if (!IsEnded(status)) continue;
    IoFinished item{.slot_id = i,
                    .tag = layout::LoadRelaxed<Scope::kSystem>(&slots_[i].tag),
                    .ok = status == layout::kIoOk,
                    .end = std::nullopt};
    if (ends_ != nullptr) {
      item.end = {.cause = layout::LoadRelaxed<Scope::kSystem>(&ends_[i].cause),
                  .bytes = layout::LoadRelaxed<Scope::kSystem>(&ends_[i].bytes)};
    }
    found.Add(item);
  }
  found.MoveTo(finished);
  for (const IoFinished& item : finished) StoreStatus(slots_[item.slot_id], layout::kEmpty);
}

void IoQueueView::PollAnnouncements(std::vector<IoPosting>& announcements) const {
  Found<IoPosting> found;
  for (u32 i = 0; i < slot_count_; ++i) {
    if (LoadStatus(slots_[i]) != layout::kPublished) continue;
    const IoRequest words = CopyIoRequest(slots_[i]);
    if (layout::IsIoAnnouncement(words.op_type)) found.Add({i, words});
  }
  found.MoveTo(announcements);
  for (const IoPosting& item : announcements) StoreStatus(slots_[item.slot_id], layout::kEmpty);
}

void IoQueueView::PollRequests(std::vector<IoPosting>& requests) const {
  Found<IoPosting> found;
  for (u32 i = 0; i < slot_count_; ++i) {
    if (LoadStatus(slots_[i]) != layout::kPublished) continue;
    const IoRequest words = CopyIoRequest(slots_[i]);
    // An operation that nobody knows is a request all the same: it has to end, as ERROR.
    if (!layout::IsIoAnnouncement(words.op_type)) found.Add({i, words});
  }
  found.MoveTo(requests);
}

void IoQueueView::ClaimRequests(std::vector<IoPosting>& requests) const {
  PollRequests(requests);
  for (const IoPosting& item : requests) StoreStatus(slots_[item.slot_id], layout::kClaimed);
}

absl::Status IoQueueView::CheckClaimed(u32 slot_id) const {
  PENSTOCK_RETURN_IF_ERROR(CheckSlotId(slot_id));
  const u32 status = LoadStatus(slots_[slot_id]);
  if (status == layout::kClaimed) return absl::OkStatus();
  return MakeError(StatusCode::kFailedPrecondition,
                   What(absl::StrCat("only a CLAIMED request can be completed: the status of I/O slot ", slot_id, " is ",
                                     NameAndNumber(status))),
                   Fix("complete each request that ClaimRequests has given, once"));
}

void IoQueueView::Finish(const IoCompletion& completion) const {
  IoSlot& slot = slots_[completion.slot_id];
  if (ends_ != nullptr) {
    IoEnd& end = ends_[completion.slot_id];
    layout::StoreRelaxed<Scope::kSystem>(&end.cause, completion.end.cause);
    layout::StoreRelaxed<Scope::kSystem>(&end.bytes, completion.end.bytes);
  }
  StoreStatus(slot, completion.end.ok() ? layout::kIoOk : layout::kIoError);
}

absl::Status IoQueueView::Complete(u32 slot_id, const IoEnd& end) const {
  PENSTOCK_RETURN_IF_ERROR(CheckClaimed(slot_id));
  Finish({slot_id, end});
  return absl::OkStatus();
}

absl::Status IoQueueView::CompleteBatch(absl::Span<const IoCompletion> completions) const {
  u64 named = 0;  // a bit a slot
  for (const IoCompletion& completion : completions) {
    PENSTOCK_RETURN_IF_ERROR(CheckClaimed(completion.slot_id));
    const u64 bit = u64{1} << completion.slot_id;
    if ((named & bit) != 0) {
      return MakeError(StatusCode::kInvalidArgument,
                       What(absl::StrCat("a batch of completions names I/O slot ", completion.slot_id, " twice")),
                       Fix("complete each request that ClaimRequests has given, once"));
    }
    named |= bit;
  }
  for (const IoCompletion& completion : completions) Finish(completion);
  return absl::OkStatus();
}

absl::StatusOr<HostIoQueue> HostIoQueue::Create(u32 slot_count) {
  std::vector<std::byte> bytes;
  PENSTOCK_RETURN_IF_ERROR(EncodeEmptyIoQueue(slot_count, bytes));
  std::vector<IoEnd> ends(slot_count);
  PENSTOCK_ASSIGN_OR_RETURN(const IoQueueView view, IoQueueView::Over(absl::MakeSpan(bytes), absl::MakeSpan(ends)));
  return HostIoQueue(std::move(bytes), std::move(ends), view);
}

}  // namespace penstock
