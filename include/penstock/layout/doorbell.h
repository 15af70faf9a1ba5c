// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The doorbell line: everything that a poller must know, in the 64 bytes that one read across the bus brings.
//
// Writer: the host's LiveRing, alone. Reader: one workgroup of the device at a time, its lanes a double word each. A tail is the
// number of slots ever published to its sub-ring, modulo 2^32; it is stored with release after the slot's PUBLISHED status, so a
// device that has seen tail t may read every slot below t.
//
// A tail travels in one double word with the epoch of the tenant table at that time: nothing orders the words that one read
// brings, and a slot that was published after a change of rights must not be run under the old ones.
#pragma once

#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// Double words of the line.
inline constexpr u32 kDoorbellDoubleWords = 8;
inline constexpr u32 kDoorbellShutdown = kPriorityCount;  // number of its double word

/// The line, in host memory. Written by the host alone.
struct alignas(kLineBytes) Doorbell {
  u64 bell[kPriorityCount];                                 // tail in the low word, epoch in the high word
  u64 shutdown;                                             // not 0: leave the loop as soon as the slot in hand is done
  u64 reserved[kDoorbellDoubleWords - kPriorityCount - 1];  // 0
};
static_assert(sizeof(Doorbell) == kLineBytes);
static_assert(offsetof(Doorbell, shutdown) == kDoorbellShutdown * sizeof(u64));

/// A bell: a sub-ring's tail beside the epoch of the tenant table.
PENSTOCK_HOST_DEVICE constexpr u64 MakeBell(u32 tail, u32 epoch) { return JoinWords(tail, epoch); }
/// The tail of a bell: slots that were ever published to the sub-ring, modulo 2^32.
PENSTOCK_HOST_DEVICE constexpr u32 BellTail(u64 bell) { return LowWord(bell); }
/// The epoch of the tenant table when the tail was stored.
PENSTOCK_HOST_DEVICE constexpr u32 BellEpoch(u64 bell) { return HighWord(bell); }

}  // namespace penstock::layout
