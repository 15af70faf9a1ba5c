// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the kernel keeps in device memory of the requests that it has made of the host (layout/live_io.h).
#pragma once

#include "penstock/device/deferred_queue.h"
#include "penstock/layout/io_slot.h"
#include "penstock/layout/live_io.h"
#include "penstock/layout/target.h"

namespace penstock::device {

/// One live queue. A bit in a word stands for a slot of the queue.
struct IoQueueState {
  alignas(layout::kLineBytes) u64 free;   // nobody has it
  alignas(layout::kLineBytes) u32 tail;   // tickets taken so far
  alignas(layout::kLineBytes) u64 ended;  // the host has ended it, nobody has collected the end, and anybody may
  u64 polled;                             // its requester looks for the end itself
  u64 ended_polled;                       // as `ended`, of a request that is polled for
  u64 seen_bell;                          // what the poller saw last. Writer: the poller
};

/// Who made the request in one slot of a queue.
struct IoRequester {
  enum Kind : u32 {
    kNobody,     // the slot is free, or nobody waits: a prefetch, or given up. Its end is collected for slot and load
    kSlot,       // the ring slot `slot` waits for it
    kPolled,     // a handler that looks for itself
    kForgotten,  // a handler that did not look until the request was overdue
  };
  Kind kind;
  u32 loads;  // the resource of LOAD_MISS that the request brings, plus one; 0: none
  SlotName slot;
};

/// The same, as it is kept. Writer: the requester before it publishes; `kind` changes by compare-and-swap from then on. It
/// carries the number of times that the slot was used, so that who gives up on a request cannot hit the next one.
struct IoEntry {
  static constexpr u32 kUse = 8;  // one more use
  u32 kind;
  u32 loads;
  SlotName slot;
  u64 since_ticks;

  PENSTOCK_HOST_DEVICE static constexpr u32 KindOf(u32 kind) { return kind % kUse; }
};

inline constexpr u32 kFrameWords = 8;

/// A ring slot that waits for I/O, and what its handler keeps meanwhile. Who holds the slot reads and writes it; each hand-over
/// is a release and an acquire.
struct alignas(layout::kLineBytes) WaitState {
  enum Phase : u32 {
    kNotWaiting,
    kUnposted,  // no queue had a free slot: `request` is still to be made
    kPosted,
    kEnded,  // `end` is there; the handler is to be run
  };
  u32 phase;
  u32 step;   // what the handler asked to be resumed with
  u32 loads;  // the resource of LOAD_MISS that the request brings, plus one; 0: none
  layout::IoEnd end;
  layout::IoRequest request;
  u32 frame[kFrameWords];
};

/// What has become of a resource of LOAD_MISS.
struct ResourceState {
  enum State : u32 { kAbsent, kLoading, kPresent };
  u32 state;  // changed by compare-and-swap
};

}  // namespace penstock::device
