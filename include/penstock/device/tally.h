// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The counters of one workgroup, counted close by and written through.
#pragma once

#include "penstock/device/group.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"

namespace penstock::device {

/// Counts in memory of the workgroup, and stores every new value to device memory, where the mirror reads it at any time: nothing
/// is waited for. Only the leader uses it.
class Tally {
 public:
  PENSTOCK_DEVICE Tally(layout::Counters& counters, layout::Counters& written) : counters_(counters), written_(&written.done) {}

  PENSTOCK_DEVICE layout::Counters& counters() const { return counters_; }

  /// Adds 1 to one of counters().
  PENSTOCK_DEVICE void Bump(u64& counter) const {
    layout::StoreRelaxed<layout::Scope::kDevice>(written_ + (&counter - &counters_.done), ++counter);
  }

  /// Every lane calls it before the first Bump: goes on from what an earlier launch has written.
  PENSTOCK_DEVICE void Restore(const Group& group) const {
    for (u32 i = group.lane(); i < layout::kCounterCount; i += group.lane_count()) {
      (&counters_.done)[i] = layout::LoadRelaxed<layout::Scope::kDevice>(written_ + i);
    }
  }

 private:
  layout::Counters& counters_;
  u64* written_;
};

}  // namespace penstock::device
