// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ring slot: 16 words, one cache line, and the legal changes of its status.
#pragma once

#include "penstock/layout/opcode.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

// Word 0. It is the last word that a writer of the slot stores.
inline constexpr u32 kEmpty = 0;
inline constexpr u32 kPublished = 1;  // the host has filled it, nobody has taken it
inline constexpr u32 kClaimed = 2;    // a workgroup runs it
inline constexpr u32 kDone = 3;       // ended well: the result words hold
inline constexpr u32 kWaitIo = 4;     // its handler waits for a request
inline constexpr u32 kYield = 5;      // its handler wants to be run again
inline constexpr u32 kRequeue = 6;    // its handler wants to be run again, behind the others
inline constexpr u32 kFault = 7;      // ended with a reason: see FaultReason

// Word numbers.
inline constexpr u32 kStatusWord = 0;
inline constexpr u32 kOpcodeWord = 1;    // which handler
inline constexpr u32 kTenantWord = 2;    // whose rights and quota
inline constexpr u32 kPriorityWord = 3;  // which sub-ring
inline constexpr u32 kArgumentWord = 4;  // the first argument
/// Argument words of a slot; the last two are its result words as well.
inline constexpr u32 kArgumentCount = 12;
inline constexpr u32 kResultLowWord = 14;   // ARG10: low half of the result; on FAULT a detail
inline constexpr u32 kResultHighWord = 15;  // ARG11: high half of the result; on FAULT the reason
/// Words of a slot.
inline constexpr u32 kSlotWords = 16;
/// Bytes of a slot: a cache line.
inline constexpr u32 kSlotBytes = 64;

/// Priorities, a sub-ring each.
inline constexpr u32 kPriorityCount = 5;
/// Which sub-ring a slot is published to; a lower number is run first, ageing apart.
enum class Priority : u32 { kCritical = 0, kHigh = 1, kNormal = 2, kLow = 3, kIdle = 4 };

/// A slot as it lies in memory: 16 words, a cache line.
struct alignas(kSlotBytes) Slot {
  u32 word[kSlotWords];  // by the word numbers above
};
static_assert(sizeof(Slot) == kSlotBytes && alignof(Slot) == kSlotBytes);

/// Both words of the result as one, low word first: one write across the bus.
PENSTOCK_HOST_DEVICE inline u64* ResultOf(Slot& slot) { return reinterpret_cast<u64*>(&slot.word[kResultLowWord]); }
static_assert(kResultLowWord % 2 == 0 && kResultHighWord == kResultLowWord + 1);

/// Whether a slot with this opcode is seen as CLAIMED while it runs. One that ends at once goes from PUBLISHED to its end.
PENSTOCK_HOST_DEVICE constexpr bool ShowsClaim(u32 opcode) { return opcode > kDfaStep || opcode == kMemcpy; }

/// What can be done to a slot; each changes the status along one of the legal edges.
enum class Edge { kPublish, kClaim, kResume, kDone, kFault, kAcknowledge, kCancel, kWaitIo, kYield, kRequeue };

/// Whether `edge` may leave `status`. Any other change is refused and must write nothing.
/// WAIT_IO, YIELD and REQUEUE are entered from CLAIMED, by the workgroup that holds the slot. The way back from WAIT_IO is to
/// resume it, once its bytes are there; that of the others is a claim.
PENSTOCK_HOST_DEVICE constexpr bool IsLegalEdge(Edge edge, u32 status) {
  switch (edge) {
    case Edge::kPublish: return status == kEmpty || status == kDone;
    case Edge::kClaim: return status == kPublished || status == kYield || status == kRequeue;
    case Edge::kResume: return status == kWaitIo;
    case Edge::kDone:
    case Edge::kWaitIo:
    case Edge::kYield:
    case Edge::kRequeue: return status == kClaimed;
    case Edge::kFault:
      return status == kPublished || status == kClaimed || status == kWaitIo || status == kYield || status == kRequeue;
    case Edge::kAcknowledge: return status == kFault;
    case Edge::kCancel: return status == kPublished || status == kWaitIo || status == kYield || status == kRequeue;
  }
  return false;
}

/// Name of a status for people; "?" for a number that is none.
constexpr const char* StatusName(u32 status) {
  constexpr const char* kNames[] = {"EMPTY", "PUBLISHED", "CLAIMED", "DONE", "WAIT_IO", "YIELD", "REQUEUE", "FAULT"};
  return status <= kFault ? kNames[status] : "?";
}

}  // namespace penstock::layout
