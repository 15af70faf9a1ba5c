// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How to write a handler: the code that the megakernel runs for one opcode.
//
//   struct CountZeroBytes {
//     static constexpr u32 kOpcode = 0x10000;                     // any user opcode that is not a data opcode of ours
//     static constexpr u32 kArgumentCount = layout::kRangeWords;  // slots with fewer argument words fault before Run
//     PENSTOCK_DEVICE static Outcome Run(const Context& context) {
//       layout::Range range = layout::DecodeRange(context.argument);
//       Bytes bytes;
//       if (Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
//       ...
//       return Outcome::Done(zeros);
//     }
//   };
//   using MyProgram = device::Program<CountZeroBytes>;            // ours and yours; duplicates do not compile
//
// Run is called by every lane of the workgroup at once, with the same context but for group.lane(). Lanes must agree on the
// barriers that they pass; the outcome that counts is the leader's. A handler that wants memory shared by its lanes declares
// `struct Scratch` and takes context.scratch<Scratch>(): it is not initialised. A handler must not wait for another slot: it
// returns Outcome::Yield(), and is run again later.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/state.h"
#include "penstock/layout/data_op.h"
#include "penstock/layout/fault.h"
#include "penstock/layout/slot.h"

namespace penstock::device {

/// How a run of a handler ended. Made by the functions below; not initialised by itself, since lanes share some.
struct Outcome {
  u32 status;  // kDone, kFault, kYield or kRequeue
  layout::FaultReason reason;
  u32 detail;
  u64 result;

  /// The slot is done; the publisher gets `result`.
  PENSTOCK_DEVICE static Outcome Done(u64 result = 0) { return {layout::kDone, layout::FaultReason::kNone, 0, result}; }
  /// The slot ends as FAULT; the publisher gets the reason and `detail`.
  PENSTOCK_DEVICE static Outcome Fault(layout::FaultReason reason, u32 detail = 0) { return {layout::kFault, reason, detail, 0}; }
  /// Run it again later; what it waits for has not happened. Ends as FAULT kDeadline when the slot's time limit has passed.
  PENSTOCK_DEVICE static Outcome Yield() { return {layout::kYield, layout::FaultReason::kNone, 0, 0}; }
  /// Run it again from the start, behind the others that are deferred.
  PENSTOCK_DEVICE static Outcome Requeue() { return {layout::kRequeue, layout::FaultReason::kNone, 0, 0}; }

  PENSTOCK_DEVICE bool IsFault() const { return status == layout::kFault; }
  PENSTOCK_DEVICE bool IsFinal() const { return status == layout::kDone || status == layout::kFault; }
};

/// Bytes of a registered buffer that a slot may touch.
struct Bytes {
  u8* data;
  u32 length;
};

/// What a handler gets to see.
struct Context {
  const DeviceView& view;
  Group& group;
  const u32* argument;  // in memory shared by the lanes
  u32 argument_count;   // words that may be read from `argument`
  SlotName slot;
  void* scratch_memory;
  Outcome* inner_outcome;  // two, shared by the lanes: how the leader's run of a packed slot's ops ended, in turn

  template <typename Scratch>
  PENSTOCK_DEVICE Scratch* scratch() const {
    return static_cast<Scratch*>(scratch_memory);
  }

  /// Checks handle, generation, rights and bounds against the buffer table. On Done, `bytes` is the range; on a fault, the
  /// handler returns it as its own outcome.
  PENSTOCK_DEVICE Outcome Resolve(const layout::Range& range, u32 rights, Bytes& bytes) const {
    using layout::FaultReason;
    // The lanes share the arguments: so the checks branch once for all of them, and addresses are made once.
    const u32 handle = Group::Uniform(range.handle);
    const u32 index = layout::HandleIndex(handle);
    if (index >= view.buffer_count) return Outcome::Fault(FaultReason::kBadHandle, handle);
    const layout::BufferRow& row = view.buffers[index];
    if (row.length_bytes == 0 || row.generation != layout::HandleGeneration(handle)) {
      return Outcome::Fault(FaultReason::kBadHandle, handle);
    }
    if ((row.rights & rights) != rights) return Outcome::Fault(FaultReason::kAccessDenied, handle);
    const u64 offset = layout::JoinWords(Group::Uniform(layout::LowWord(range.offset_bytes)),
                                         Group::Uniform(layout::HighWord(range.offset_bytes)));
    const u32 length = Group::Uniform(range.length_bytes);
    if (offset > row.length_bytes || length > row.length_bytes - offset) {
      return Outcome::Fault(FaultReason::kOutOfRange, layout::LowWord(offset));
    }
    bytes = {reinterpret_cast<u8*>(row.address) + offset, length};
    return Outcome::Done();
  }

  /// The contiguous part of `length` bytes that this lane takes when the lanes share a range: equal parts, a multiple of 16
  /// bytes each, the last ones shorter or empty.
  struct Stripe {
    u32 begin;
    u32 end;
  };
  PENSTOCK_DEVICE Stripe StripeOfLane(u32 length) const {
    const u64 lanes = group.lane_count();
    const u64 part = ((length + lanes - 1) / lanes + 15) / 16 * 16;
    const u64 begin = part * group.lane();
    const u64 end = begin + part;
    return {static_cast<u32>(begin < length ? begin : length), static_cast<u32>(end < length ? end : length)};
  }
};

}  // namespace penstock::device
