// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When a slot was claimed and when it ended, by the device's clock: a table beside the ring, for who measures.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

/// A row of the table, by slot index. In host memory; the device writes it before the slot's end can be seen.
struct SlotTimes {
  u64 claimed_ticks;  // the slot was taken up for the first time, its words were there
  u64 ended_ticks;    // its handler had returned for the last time
};
static_assert(sizeof(SlotTimes) == 16);

}  // namespace penstock::layout
