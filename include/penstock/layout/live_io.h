// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The live I/O queue: how the requests of a running kernel get to the host's I/O service, and their ends back to it.
//
// Kernel to host, one request:
//   1. A workgroup takes a free slot of the queue and the next ticket in device memory, and writes the slot's eight words, status
//      PUBLISHED.
//   2. It stores the ticket's cell of `order` with release. The service looks at one cell a queue: the next ticket's. It takes
//      requests in the order of their tickets, and copies the words once.
// Host to kernel, the end of a request:
//   3. The service writes `end`, then the slot's status, OK or ERROR.
//   4. It toggles the slot's bit in the queue's bell, with release. One read across the bus brings the bells of seven queues.
//   5. Whoever waited reads `end`, stores status EMPTY, and gives the slot back in device memory. Not before the toggle was seen:
//      so a toggle always belongs to the request that holds the slot.
//
// If the cell were stored before the words, the service would take an old request; if the bell were rung before `end`, the kernel
// would read an old end. A slot's end is never waited for by the service, and the order never fills: a ticket is taken only by
// who holds one of the 64 slots.
#pragma once

#include "penstock/layout/io_slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// Why a request ended as it did.
enum class IoCause : u32 {
  kNone = 0,             // OK
  kBadOperation = 1,     // neither READ, WRITE nor FENCE
  kBadSource = 2,        // the source handle names nothing, or what it named was revoked
  kBadDestination = 3,   // the destination handle names nothing, or what it named was revoked
  kDenied = 4,           // WRITE to a source that was not registered for writing, or READ of one only for writing
  kOutOfRange = 5,       // offset and length reach past the source's or the destination's limit
  kMisaligned = 6,       // the offset is no multiple of what the path reads
  kEmpty = 7,            // zero bytes
  kEndedEarly = 8,       // the volume is shorter than it was: `bytes` are there
  kMedium = 9,           // the device could not read or write the bytes
  kVolumeGone = 10,      // the controller or file system does not answer any more
  kTimedOut = 11,        // the volume took longer than the service waits; the transfer is over
  kRefusedByPath = 12,   // the path cannot transfer this; the service's log says why
  kServiceStopped = 13,  // the service was stopped before the request could be served
  kQueueFull = 14,       // by the kernel: no slot was free, and the requester did not want to wait
  kNotConnected = 15,    // by the kernel: the device has no I/O queues
  kGivenUp = 16,         // by the kernel: it outlived the slot's limit. Bytes may still land: the destination is in use
};

/// The cause in words, for messages.
constexpr const char* IoCauseText(IoCause cause) {
  switch (cause) {
    case IoCause::kNone: return "no error";
    case IoCause::kBadOperation: return "the operation is neither READ, WRITE nor FENCE";
    case IoCause::kBadSource: return "the source handle names nothing that is registered";
    case IoCause::kBadDestination: return "the destination handle names nothing that is registered";
    case IoCause::kDenied: return "the source was not registered for this";
    case IoCause::kOutOfRange: return "offset and length reach past a limit";
    case IoCause::kMisaligned: return "the offset is not aligned as the path needs it";
    case IoCause::kEmpty: return "zero bytes were asked for";
    case IoCause::kEndedEarly: return "the volume ended early";
    case IoCause::kMedium: return "the device could not transfer the bytes";
    case IoCause::kVolumeGone: return "the volume does not answer any more";
    case IoCause::kTimedOut: return "it took too long";
    case IoCause::kRefusedByPath: return "the path cannot transfer this";
    case IoCause::kServiceStopped: return "the I/O service was stopped";
    case IoCause::kQueueFull: return "the I/O queue was full";
    case IoCause::kNotConnected: return "the device has no I/O queues";
    case IoCause::kGivenUp: return "the kernel gave it up, and its bytes may still land";
  }
  return "unknown cause";
}

/// Writer: the host. `bytes` have been transferred, from the start of the request on.
struct alignas(8) IoEnd {
  u32 cause;  // IoCause
  u32 bytes;  // that were transferred

  /// Every byte was transferred.
  PENSTOCK_HOST_DEVICE bool ok() const { return cause == static_cast<u32>(IoCause::kNone); }
};
static_assert(sizeof(IoEnd) == sizeof(u64));

// Tickets are counted in a circle.
inline constexpr u32 kIoTicketBits = 26;
/// The bits of a ticket that a cell of `order` keeps.
inline constexpr u32 kIoTicketMask = (1u << kIoTicketBits) - 1;

/// A request's place in `order`: the ticket, modulo 2^26, plus one, above the slot's number. 0 is no ticket's before the first
/// lap.
PENSTOCK_HOST_DEVICE constexpr u32 IoOrderCell(u32 ticket, u32 slot) { return (ticket + 1) * kMaxIoSlots | slot; }
/// Whether a cell of `order` is that of `ticket`.
PENSTOCK_HOST_DEVICE constexpr bool IsIoTicket(u32 cell, u32 ticket) {
  return cell / kMaxIoSlots == ((ticket + 1) & kIoTicketMask);
}
/// The slot that a cell of `order` names.
PENSTOCK_HOST_DEVICE constexpr u32 IoSlotOfCell(u32 cell) { return cell % kMaxIoSlots; }

/// In host memory. All words begin as 0.
struct alignas(kLineBytes) LiveIoQueue {
  IoSlot slot[kMaxIoSlots];  // words but `status`: the kernel; `status`: as its life says
  IoEnd end[kMaxIoSlots];    // writer: the host
  u32 order[kMaxIoSlots];    // by ticket modulo 64; writer: the workgroup that has the ticket
};
static_assert(sizeof(LiveIoQueue) == 44 * kLineBytes);

/// Whether anybody serves the queues. Writer: the host.
enum class IoServiceState : u64 {
  kNone = 0,     // nobody has so far: requests wait
  kServing = 1,  //
  kStopped = 2,  // nobody will: requests that are made from now on end at once
};

// The bells, in host memory: double word 0 is the service's state, 1 + q the bell of queue q.
inline constexpr u32 kIoStateBell = 0;
/// The bell of queue 0.
inline constexpr u32 kFirstIoBell = 1;
/// Queues of a device, at most.
inline constexpr u32 kMaxIoQueues = 255;
/// Double words of the bells of so many queues, the state's among them; 0 for none.
PENSTOCK_HOST_DEVICE constexpr u32 IoBellCount(u32 queues) { return queues == 0 ? 0 : kFirstIoBell + queues; }

/// How a device that can make system calls wakes a service that sleeps. Both words are of the host alone: on a GPU nobody rings.
///
/// The service counts itself into `sleepers`, looks at every queue once more, and waits (futex) for `rings` to change. A
/// requester stores its cell, then loads `sleepers`, with a full barrier between on both sides: one of them sees the other.
///
/// The way back is simpler, because every batch of ends counts: a workgroup of such a device that is idle waits for
/// `device_rings` to differ from what it was before the last look; the service adds one, then looks at `device_sleepers`.
struct alignas(kLineBytes) IoAlarm {
  u32 sleepers;         // threads of the service
  u32 rings;            // counts wakings of the service
  u32 device_sleepers;  // workgroups
  u32 device_rings;     // counts batches of ends
};

}  // namespace penstock::layout
