// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The doorbell line: everything that a poller must know, in the 64 bytes that one read across the bus brings.
//
// Writer: the host's LiveRing, alone. Reader: one workgroup of the device at a time. A tail is the number of slots ever
// published to its sub-ring, modulo 2^32; it is stored with release after the slot's PUBLISHED status, so a device that has
// seen tail t may read every slot below t.
#pragma once

#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

struct alignas(kLineBytes) Doorbell {
  u32 tail[kPriorityCount];  // words 0 to 4
  u32 shutdown;              // word 5: not 0: leave the loop as soon as the slot in hand is done
  u32 epoch;                 // word 6: changes when the host has changed the tenant table
  u32 reserved[9];
};
static_assert(sizeof(Doorbell) == kLineBytes);
static_assert(offsetof(Doorbell, shutdown) == 20 && offsetof(Doorbell, epoch) == 24);

}  // namespace penstock::layout
