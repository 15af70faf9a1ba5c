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
//
// A handler that needs bytes of a volume asks the host's I/O service for them, and is resumed when they are there. Meanwhile its
// workgroup does something else:
//
//   enum Step : u32 { kBegin, kLanded };  // a new slot begins with step 0
//   if (context.wait.step == kBegin) return context.WaitIo({layout::kIoRead, source, destination, offset, bytes, tag}, kLanded);
//   if (!context.wait.end.ok()) return Outcome::IoFault(context.wait.end);
//   ...                                   // the bytes are in the destination
//
// A request that the host has not ended within the slot's time limit ends as kGivenUp, and its transfer goes on: the destination
// stays in use, so that nobody reads it and no other request names it. After any other cause the transfer is over, but for
// kServiceStopped where IoService::Stop has said that it could not wait for it.
//
// What it wants to keep from one run to the next goes into context.wait.frame.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/io_request.h"
#include "penstock/device/state.h"
#include "penstock/layout/data_op.h"
#include "penstock/layout/fault.h"
#include "penstock/layout/slot.h"

namespace penstock::device {

/// How a run of a handler ended. Made by the functions below; not initialised by itself, since lanes share some.
struct Outcome {
  u32 status;                  // kDone, kFault, kYield, kRequeue or kWaitIo
  layout::FaultReason reason;  // of a FAULT
  u32 detail;                  // of a FAULT; of YIELD and WAIT_IO the step to go on with
  u64 result;                  // of a DONE

  /// The slot is done; the publisher gets `result`.
  PENSTOCK_DEVICE static Outcome Done(u64 result = 0) { return {layout::kDone, layout::FaultReason::kNone, 0, result}; }
  /// The slot ends as FAULT; the publisher gets the reason and `detail`.
  PENSTOCK_DEVICE static Outcome Fault(layout::FaultReason reason, u32 detail = 0) { return {layout::kFault, reason, detail, 0}; }
  /// The slot ends as FAULT because a request has failed, or was not made; the detail is its cause.
  PENSTOCK_DEVICE static Outcome IoFault(const layout::IoEnd& end) { return Fault(layout::FaultReason::kIoFailed, end.cause); }
  /// Run it again later, with wait.step as said here; what it waits for has not happened. Ends as FAULT kDeadline when the slot's
  /// time limit has passed. Without I/O queues every run is with step 0.
  PENSTOCK_DEVICE static Outcome Yield(u32 step = 0) { return {layout::kYield, layout::FaultReason::kNone, step, 0}; }
  /// Run it again from the start, behind the others that are deferred.
  PENSTOCK_DEVICE static Outcome Requeue() { return {layout::kRequeue, layout::FaultReason::kNone, 0, 0}; }

  /// The slot ends, with a reason.
  PENSTOCK_DEVICE bool IsFault() const { return status == layout::kFault; }
  /// The slot ends, well or not.
  PENSTOCK_DEVICE bool IsFinal() const { return status == layout::kDone || status == layout::kFault; }
};

/// Bytes of a registered buffer that a slot may touch.
struct Bytes {
  u8* data;    // the first one
  u32 length;  // in bytes
};

/// What to do when every I/O queue is full: let the slot wait for room, within its time limit, or resume it at once with
/// kQueueFull.
enum class WhenFull : u32 { kWait, kRefuse };

/// What a handler keeps from run to run, and hears of what it waited for. Shared by the lanes.
struct Wait {
  u32 step;           // 0 in a slot's first run, then what WaitIo or Yield was last called with
  layout::IoEnd end;  // of the last request
  u32* frame;         // kFrameWords words of device memory, the slot's while it lasts; not initialised; null without I/O queues
  layout::IoRequest request;  // what WaitIo was last called with
  WhenFull when_full;         // what WaitIo was last called with
  u32 loads;                  // LOAD_MISS: the resource that the request brings, plus one
};

/// What a handler gets to see.
struct Context {
  const DeviceView& view;  // the device's tables: for the interpreter; a handler calls Resolve
  Group& group;            // this lane among those of its workgroup
  const u32* argument;     // in memory shared by the lanes
  u32 argument_count;      // words that may be read from `argument`
  SlotName slot;           // which slot this is
  void* scratch_memory;    // of Program::kScratchBytes; see scratch
  Outcome* inner_outcome;  // two, shared by the lanes: how the leader's run of a packed slot's ops ended, in turn
  Wait& wait;              // what the handler keeps from run to run

  /// Memory that the workgroup's lanes share while the handler runs; not initialised. Scratch is a handler's own struct.
  template <typename Scratch>
  PENSTOCK_DEVICE Scratch* scratch() const {
    return static_cast<Scratch*>(scratch_memory);
  }

  /// Asks the I/O service for a transfer. The handler returns what this returns, and is run again with `step` when the request
  /// has ended, well or not: wait.end. As kGivenUp it has not, and the destination is still in use. On a device without I/O
  /// queues the slot ends as FAULT kNotConnected.
  PENSTOCK_DEVICE Outcome WaitIo(const layout::IoRequest& request, u32 step, WhenFull when_full = WhenFull::kWait) const {
    if (view.io.queue_count == 0) return Outcome::Fault(layout::FaultReason::kNotConnected);
    if (group.IsLeader()) {
      wait.request = request;
      wait.when_full = when_full;
    }
    return {layout::kWaitIo, layout::FaultReason::kNone, step, 0};
  }

  /// The same without giving up the workgroup: for a handler that has something else to do meanwhile. It polls for the end until
  /// that is there, and does not poll for long: it yields in between, and keeps the ticket in its frame. A ticket that is not
  /// polled for is given up when the slot's time limit has passed. kNone if the request is made; kQueueFull if every queue is
  /// full: it may be tried again; kServiceStopped; kNotConnected. Only the leader calls it.
  PENSTOCK_DEVICE layout::IoCause TryRequest(const layout::IoRequest& request, IoTicket& ticket) const {
    if (view.io.queue_count == 0) return layout::IoCause::kNotConnected;
    return TryPost(view, group.workgroup(), request, {IoRequester::kPolled, 0, slot}, ticket);
  }
  /// Whether the request has ended: then `end` says how, and the ticket is no more. One that was given up, or names none, ends as
  /// kGivenUp: the destination may still be in use. Only the leader calls it. May look across the bus once.
  PENSTOCK_DEVICE bool Poll(const IoTicket& ticket, layout::IoEnd& end) const { return TryEndPolled(view, ticket, end); }

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
    u32 begin;  // first byte
    u32 end;    // behind the last byte
  };
  /// The calling lane's stripe of `length` bytes.
  PENSTOCK_DEVICE Stripe StripeOfLane(u32 length) const {
    const u64 lanes = group.lane_count();
    const u64 part = ((length + lanes - 1) / lanes + 15) / 16 * 16;
    const u64 begin = part * group.lane();
    const u64 end = begin + part;
    return {static_cast<u32>(begin < length ? begin : length), static_cast<u32>(end < length ? end : length)};
  }
};

}  // namespace penstock::device
