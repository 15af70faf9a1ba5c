// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PACKED_SLOT: several small ops in the twelve argument words of one slot. This is the only decoder: the host validates with
// it and the kernel runs from it, so what one accepts the other runs, each op with its own arguments.
//
// The payload is 48 bytes, byte k in bits 8*(k%4) of word k/4:
//
//   byte 0          op count n, 1 to 23
//   byte 1          total argument words
//   bytes 2, 3, ..  n pairs: opcode, offset of the op's first argument in argument words
//   word M ..       the argument words, where M = ceil((2 + 2n) / 4)
//
// Two ops may name the same argument words. Padding between the last pair and word M carries no meaning.
#pragma once

#include "penstock/layout/opcode.h"
#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// Why a payload is refused. The number is the detail of FaultReason::kBadPackedSlot.
enum class PackedError : u32 {
  kNone = 0,
  kNoOps = 1,
  kTooManyOps = 2,
  kBadTotal = 3,
  kNotPackable = 4,
  kUnknownOpcode = 5,
  kArgumentsOutOfRange = 6,
};

/// The error in words, for messages.
constexpr const char* PackedErrorText(PackedError error) {
  switch (error) {
    case PackedError::kNone: return "no error";
    case PackedError::kNoOps: return "the op count is 0";
    case PackedError::kTooManyOps: return "the op count exceeds 23";
    case PackedError::kBadTotal: return "the argument words reach past the end of the slot";
    case PackedError::kNotPackable: return "an opcode may not stand inside a packed slot";
    case PackedError::kUnknownOpcode: return "an opcode has no handler";
    case PackedError::kArgumentsOutOfRange: return "an op's arguments reach past the argument words";
  }
  return "unknown error";
}

/// What an argument count callable returns for an opcode that nobody handles.
inline constexpr u32 kUnknownOpcodeArguments = ~0u;

/// One op as it is decoded.
struct PackedOp {
  u32 opcode;          // one that IsPackable allows
  u32 first_word;      // payload word of its first argument
  u32 argument_count;  // words from there to the end of the argument words
};

/// One op to encode.
struct PackedInput {
  u32 opcode;           // one that IsPackable allows
  const u32* argument;  // not read if argument_count is 0
  u32 argument_count;   // words that are read from `argument`
};

/// The codec. A payload is kArgumentCount words that nobody else writes meanwhile: a kernel copies them out of the ring
/// before it validates, or what was checked might not be what runs.
/// Threads: any. Cost: linear in the op count, at most 23; reads no word outside the payload.
struct PackedSlot {
  /// Ops that fit into a slot if none of them has an argument.
  static constexpr u32 kMaxOps = 23;

  /// Words that the counts and n pairs take.
  PENSTOCK_HOST_DEVICE static constexpr u32 MetadataWords(u32 op_count) { return (2 + 2 * op_count + 3) / 4; }

  /// The op count that a payload names, valid or not.
  PENSTOCK_HOST_DEVICE static constexpr u32 OpCount(const u32* payload) { return Byte(payload, 0); }

  /// Op `index` of a payload. Requires: Validate(payload) is kNone, index < OpCount(payload).
  PENSTOCK_HOST_DEVICE static constexpr PackedOp Op(const u32* payload, u32 index) {
    const u32 offset = Byte(payload, 3 + 2 * index);
    return {Byte(payload, 2 + 2 * index), MetadataWords(OpCount(payload)) + offset, TotalArguments(payload) - offset};
  }

  /// Whether every op of the payload can run. `argument_count(opcode)` says how many argument words an opcode reads, or
  /// kUnknownOpcodeArguments. Host and kernel agree as long as their callables do.
  template <typename ArgumentCount>
  PENSTOCK_HOST_DEVICE static constexpr PackedError Validate(const u32* payload, ArgumentCount argument_count) {
    const u32 op_count = OpCount(payload);
    if (op_count == 0) return PackedError::kNoOps;
    if (op_count > kMaxOps) return PackedError::kTooManyOps;
    const u32 total = TotalArguments(payload);
    if (MetadataWords(op_count) + total > kArgumentCount) return PackedError::kBadTotal;
    for (u32 i = 0; i < op_count; ++i) {
      const u32 opcode = Byte(payload, 2 + 2 * i);
      const u32 offset = Byte(payload, 3 + 2 * i);
      if (!IsPackable(opcode)) return PackedError::kNotPackable;
      const u32 needed = argument_count(opcode);
      if (needed == kUnknownOpcodeArguments) return PackedError::kUnknownOpcode;
      if (offset > total || needed > total - offset) return PackedError::kArgumentsOutOfRange;
    }
    return PackedError::kNone;
  }

  /// Writes `op_count` ops, their arguments one after the other, and zeros into what is left over. On an error the payload
  /// is unchanged. What it writes passes Validate if each op has the arguments that its opcode reads.
  PENSTOCK_HOST_DEVICE static constexpr PackedError Encode(const PackedInput* op, u32 op_count, u32* payload) {
    if (op_count == 0) return PackedError::kNoOps;
    if (op_count > kMaxOps) return PackedError::kTooManyOps;
    const u32 room = kArgumentCount - MetadataWords(op_count);
    u32 total = 0;
    for (u32 i = 0; i < op_count; ++i) {
      if (!IsPackable(op[i].opcode)) return PackedError::kNotPackable;
      if (op[i].argument_count > room - total) return PackedError::kBadTotal;
      total += op[i].argument_count;
    }
    for (u32 i = 0; i < kArgumentCount; ++i) payload[i] = 0;
    SetByte(payload, 0, op_count);
    SetByte(payload, 1, total);
    u32 offset = 0;
    for (u32 i = 0; i < op_count; ++i) {
      SetByte(payload, 2 + 2 * i, op[i].opcode);
      SetByte(payload, 3 + 2 * i, offset);
      for (u32 j = 0; j < op[i].argument_count; ++j) payload[MetadataWords(op_count) + offset + j] = op[i].argument[j];
      offset += op[i].argument_count;
    }
    return PackedError::kNone;
  }

 private:
  PENSTOCK_HOST_DEVICE static constexpr u32 TotalArguments(const u32* payload) { return Byte(payload, 1); }
  PENSTOCK_HOST_DEVICE static constexpr u32 Byte(const u32* payload, u32 k) { return (payload[k / 4] >> (8 * (k % 4))) & 0xFF; }
  /// Requires: the byte is still 0.
  PENSTOCK_HOST_DEVICE static constexpr void SetByte(u32* payload, u32 k, u32 value) { payload[k / 4] |= value << (8 * (k % 4)); }
};
static_assert(PackedSlot::MetadataWords(PackedSlot::kMaxOps) == kArgumentCount);
static_assert(PackedSlot::MetadataWords(1) == 1 && PackedSlot::MetadataWords(2) == 2);

}  // namespace penstock::layout
