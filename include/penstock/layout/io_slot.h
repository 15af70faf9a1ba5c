// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The I/O slot: eight words with which the kernel asks the host for bytes, or the host tells the kernel that bytes are there.
//
// Life of a request: EMPTY, PUBLISHED (requester), CLAIMED (host), OK or ERROR (host), EMPTY (requester). The requester fills
// the other words, then stores `status` with release; whoever reads `status` with acquire may read them.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

// Requests of the device.
inline constexpr u32 kIoRead = 1;
inline constexpr u32 kIoWrite = 2;  // bytes from a destination's memory to a source
inline constexpr u32 kIoFence = 3;  // ends when every earlier request of its queue has
// What the host announces has the high bit set, so that neither is ever taken for the other.
inline constexpr u32 kIoAnnounce = 0x80000001u;  // bytes are in the destination

// Statuses beside those of the ring slot (layout/slot.h).
inline constexpr u32 kIoOk = 0x10;
inline constexpr u32 kIoError = 0x11;  // it has ended, and not well

/// Slots of an I/O queue, at most.
inline constexpr u32 kMaxIoSlots = 64;
/// Words of a slot.
inline constexpr u32 kIoSlotWords = 8;
/// Bytes of a slot.
inline constexpr u32 kIoSlotBytes = 32;

/// One request or announcement, as it lies in memory.
struct IoSlot {
  u32 op_type;             // kIoRead, kIoWrite, kIoFence or kIoAnnounce
  u32 source_handle;       // row of the source table
  u32 destination_handle;  // row of the destination table
  u32 offset_low;          // of the offset within the source, in bytes: low word
  u32 offset_high;         // high word
  u32 byte_count;          // how many bytes
  u32 status;              // the last word that a writer of the slot stores
  u32 tag;                 // the requester's own; it comes back unchanged
};
static_assert(sizeof(IoSlot) == kIoSlotBytes && kIoSlotBytes == kIoSlotWords * sizeof(u32) && alignof(IoSlot) == 4);
static_assert(offsetof(IoSlot, op_type) == 0 && offsetof(IoSlot, source_handle) == 4);
static_assert(offsetof(IoSlot, destination_handle) == 8 && offsetof(IoSlot, offset_low) == 12);
static_assert(offsetof(IoSlot, offset_high) == 16 && offsetof(IoSlot, byte_count) == 20);
static_assert(offsetof(IoSlot, status) == 24 && offsetof(IoSlot, tag) == 28);

/// What a slot asks for or announces.
struct IoRequest {
  u32 op_type;             // kIoRead, kIoWrite, kIoFence or kIoAnnounce
  u32 source_handle;       // handle of the I/O service
  u32 destination_handle;  // handle of the I/O service
  u64 offset_bytes;        // within the source's extent
  u32 byte_count;          // at least 1, but for a fence
  u32 tag;                 // the requester's own
};

/// Whether the number is that of a request, which the device makes.
PENSTOCK_HOST_DEVICE constexpr bool IsIoRequest(u32 op_type) { return op_type >= kIoRead && op_type <= kIoFence; }
/// Whether the number is that of an announcement, which the host makes.
PENSTOCK_HOST_DEVICE constexpr bool IsIoAnnouncement(u32 op_type) { return op_type == kIoAnnounce; }

/// Fills every word but `status`, which is left for the publisher to store last.
PENSTOCK_HOST_DEVICE constexpr void EncodeIoRequest(const IoRequest& request, IoSlot& slot) {
  slot.op_type = request.op_type;
  slot.source_handle = request.source_handle;
  slot.destination_handle = request.destination_handle;
  slot.offset_low = LowWord(request.offset_bytes);
  slot.offset_high = HighWord(request.offset_bytes);
  slot.byte_count = request.byte_count;
  slot.tag = request.tag;
}

/// The request in a slot. Requires: its status was read with acquire.
PENSTOCK_HOST_DEVICE constexpr IoRequest DecodeIoRequest(const IoSlot& slot) {
  return {
      slot.op_type, slot.source_handle, slot.destination_handle, JoinWords(slot.offset_low, slot.offset_high), slot.byte_count,
      slot.tag};
}

}  // namespace penstock::layout
