// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Joining one value of every lane.
#pragma once

#include "penstock/device/group.h"

namespace penstock::device {

/// Joins the lanes' values in `place`, a word for each lane, by halves. Every lane calls it; the leader gets the result.
/// `join` must not care about order.
template <typename Join>
PENSTOCK_DEVICE u32 Reduce(Group& group, u32* place, u32 mine, Join join) {
  const u32 lane = group.lane();
  place[lane] = mine;
  group.Barrier();
  for (u32 lanes = group.lane_count(); lanes > 1;) {
    const u32 half = (lanes + 1) / 2;
    if (lane < lanes - half) place[lane] = join(place[lane], place[lane + half]);
    group.Barrier();
    lanes = half;
  }
  return place[0];
}

}  // namespace penstock::device
