// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Handlers that ask for bytes in each way that there is.
#pragma once

#include "penstock/device/program.h"

namespace penstock {

/// Arguments: source, destination, offset, bytes. The request's tag is the slot's sequence number.
inline PENSTOCK_HOST_DEVICE layout::IoRequest ReadOf(const u32* argument, u32 tag) {
  return {layout::kIoRead, argument[0], argument[1], argument[2], argument[3], tag};
}

// [read_once]
/// One request; the result is the bytes that landed, and in the high word what it kept meanwhile.
struct ReadOnce {
  static constexpr u32 kOpcode = 0x20000;
  static constexpr u32 kArgumentCount = 5;  // and what to keep
  enum Step : u32 { kBegin, kLanded };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    if (context.wait.step == kBegin) {
      if (context.group.IsLeader()) context.wait.frame[0] = context.argument[4];
      return context.WaitIo(ReadOf(context.argument, context.slot.sequence), kLanded);
    }
    const layout::IoEnd end = context.wait.end;
    return end.ok() ? device::Outcome::Done(layout::JoinWords(end.bytes, context.wait.frame[0])) : device::Outcome::IoFault(end);
  }
};
// [/read_once]

/// As many requests as argument 4 says, one after the other; it yields between them. The result is the sum of the bytes.
struct ReadMany {
  static constexpr u32 kOpcode = 0x20001;
  static constexpr u32 kArgumentCount = 5;
  enum Step : u32 { kBegin, kLanded, kNext };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    u32* const frame = context.wait.frame;  // requests that have ended, bytes
    if (!context.group.IsLeader()) return device::Outcome::Done();
    if (context.wait.step == kBegin) frame[0] = frame[1] = 0;
    if (context.wait.step == kLanded) {
      if (!context.wait.end.ok()) return device::Outcome::IoFault(context.wait.end);
      ++frame[0];
      frame[1] += context.wait.end.bytes;
      if (frame[0] == context.argument[4]) return device::Outcome::Done(frame[1]);
      return device::Outcome::Yield(kNext);
    }
    return context.WaitIo(ReadOf(context.argument, frame[0]), kLanded);
  }
};

/// Polls for its request, and yields in between.
struct ReadPolled {
  static constexpr u32 kOpcode = 0x20002;
  static constexpr u32 kArgumentCount = 4;
  enum Step : u32 { kBegin, kPolls };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    if (!context.group.IsLeader()) return device::Outcome::Done();
    device::IoTicket ticket = {context.wait.frame[0]};
    if (context.wait.step == kBegin) {
      const layout::IoCause refusal = context.TryRequest(ReadOf(context.argument, 0), ticket);
      if (refusal == layout::IoCause::kQueueFull) return device::Outcome::Yield(kBegin);
      if (refusal != layout::IoCause::kNone) return device::Outcome::IoFault({static_cast<u32>(refusal), 0});
      context.wait.frame[0] = ticket.value;
    }
    layout::IoEnd end;
    if (!context.Poll(ticket, end)) return device::Outcome::Yield(kPolls);
    return end.ok() ? device::Outcome::Done(end.bytes) : device::Outcome::IoFault(end);
  }
};

/// Asks, and does not wait where there is no room.
struct ReadOrRefuse {
  static constexpr u32 kOpcode = 0x20003;
  static constexpr u32 kArgumentCount = 4;

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    if (context.wait.step == 0) return context.WaitIo(ReadOf(context.argument, 0), 1, device::WhenFull::kRefuse);
    return context.wait.end.ok() ? device::Outcome::Done() : device::Outcome::IoFault(context.wait.end);
  }
};

/// Makes a request that it never asks about.
struct ForgetsToPoll {
  static constexpr u32 kOpcode = 0x20004;
  static constexpr u32 kArgumentCount = 4;

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    device::IoTicket ticket;
    if (!context.group.IsLeader()) return device::Outcome::Done();
    return device::Outcome::Done(context.TryRequest(ReadOf(context.argument, 0), ticket) == layout::IoCause::kNone ? 1 : 0);
  }
};

using IoProgram = device::Program<ReadOnce, ReadMany, ReadPolled, ReadOrRefuse, ForgetsToPoll>;

}  // namespace penstock
