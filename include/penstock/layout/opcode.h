// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opcode numbers, their classes, and how many argument words each built-in reads. docs/protocol.md describes each one.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

// Built-in opcodes. The numbers are fixed.
inline constexpr u32 kNop = 0;
inline constexpr u32 kStoreU32 = 1;              // word index, value
inline constexpr u32 kAtomicAdd = 2;             // word index, addend -> previous value
inline constexpr u32 kLoadU32 = 3;               // word index -> value
inline constexpr u32 kCompareSwap = 4;           // word index, expected, desired -> previous value, 1 in the high word if swapped
inline constexpr u32 kMemcpy = 5;                // destination word index, source word index, word count (may overlap)
inline constexpr u32 kDfaStep = 6;               // automaton handle, state, byte -> next state, matches emitted in the high word
inline constexpr u32 kBatchFence = 7;            // how many slots before this one in its sub-ring make the batch; 0: all of them
inline constexpr u32 kLoadMiss = 0xFFFD;         // resource id, 1 to prefetch -> bytes of the resource
inline constexpr u32 kPrintf = 0xFFFE;           // format id, three arguments
inline constexpr u32 kPackedSlot = 0x80000001u;  // up to 12 words of packed inner ops
inline constexpr u32 kShutdown = 0xFFFFFFFFu;    // ends the resident loop; for tenants with the permission only

// Data opcodes: user opcodes of our own, over registered buffers. Arguments are in layout/data_op.h.
inline constexpr u32 kFirstDataOpcode = 0x100;
inline constexpr u32 kCrc32c = 0x100;     // CRC-32C of a range
inline constexpr u32 kHistogram = 0x101;  // counts of each byte's value
inline constexpr u32 kCopy = 0x102;       // copies a range
inline constexpr u32 kFill = 0x103;       // fills a range with a pattern
inline constexpr u32 kVerify = 0x104;     // compares a range with a pattern
inline constexpr u32 kMatch = 0x105;      // counts matches of patterns
inline constexpr u32 kPull = 0x106;       // arguments in layout/pull_list.h
/// The last number of the data opcodes; those between that are not named are reserved.
inline constexpr u32 kLastDataOpcode = 0x1FF;

/// Numbers that are Penstock's own: an application's handler takes none of them.
PENSTOCK_HOST_DEVICE constexpr bool IsSystemOpcode(u32 opcode) {
  return (opcode & 0x80000000u) != 0 || (opcode >= 0xFFF0 && opcode <= 0xFFFF) || opcode <= 7;
}
/// Numbers of data opcodes and of applications' handlers.
PENSTOCK_HOST_DEVICE constexpr bool IsUserOpcode(u32 opcode) { return !IsSystemOpcode(opcode); }

/// Numbers of Penstock's opcodes over registered buffers, named or reserved.
PENSTOCK_HOST_DEVICE constexpr bool IsDataOpcode(u32 opcode) { return opcode >= kFirstDataOpcode && opcode <= kLastDataOpcode; }

/// The system opcodes that exist.
PENSTOCK_HOST_DEVICE constexpr bool IsBuiltinOpcode(u32 opcode) {
  return opcode <= kBatchFence || opcode == kLoadMiss || opcode == kPrintf || opcode == kPackedSlot || opcode == kShutdown;
}

/// What a publisher may put into a slot: the built-ins and every user opcode.
PENSTOCK_HOST_DEVICE constexpr bool IsPublishable(u32 opcode) { return IsBuiltinOpcode(opcode) || IsUserOpcode(opcode); }

/// What may stand inside a packed slot: opcodes of one byte that act at once. A fence orders slots, not inner ops.
PENSTOCK_HOST_DEVICE constexpr bool IsPackable(u32 opcode) { return opcode <= 0xFF && opcode != kBatchFence; }

/// Argument words that a built-in reads.
PENSTOCK_HOST_DEVICE constexpr u32 BuiltinArgumentCount(u32 opcode) {
  switch (opcode) {
    case kStoreU32:
    case kAtomicAdd:
    case kLoadMiss: return 2;
    case kLoadU32:
    case kBatchFence: return 1;
    case kCompareSwap:
    case kMemcpy:
    case kDfaStep: return 3;
    case kPrintf: return 4;
    default: return 0;
  }
}

/// Permission bit of an opcode in a tenant's mask: each built-in has its own, data opcodes share one, and so do the
/// application's. SHUTDOWN is never in the default mask.
PENSTOCK_HOST_DEVICE constexpr u32 PermissionBit(u32 opcode) {
  if (opcode <= kBatchFence) return 1u << opcode;
  if (opcode == kLoadMiss) return 1u << 8;
  if (opcode == kPrintf) return 1u << 9;
  if (opcode == kPackedSlot) return 1u << 10;
  if (opcode == kShutdown) return 1u << 31;
  return IsDataOpcode(opcode) ? 1u << 11 : 1u << 12;
}
/// The permission mask that tenant 0 begins with.
inline constexpr u32 kPermitAllButShutdown = 0x7FFFFFFFu;

/// Row of an opcode in the per-opcode counters (32 rows): built-ins 0 to 7 by number, then one row each for the others.
PENSTOCK_HOST_DEVICE constexpr u32 CounterRow(u32 opcode) {
  if (opcode <= kBatchFence) return opcode;
  if (opcode == kLoadMiss) return 8;
  if (opcode == kPrintf) return 9;
  if (opcode == kPackedSlot) return 10;
  if (opcode == kShutdown) return 11;
  if (IsDataOpcode(opcode)) return opcode - kFirstDataOpcode < 12 ? 12 + (opcode - kFirstDataOpcode) : 24;
  return 31;
}

}  // namespace penstock::layout
