// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What configuring compiles to see whether a compiler can build for a target: a kernel with all that the megakernel asks of the
// target, and nothing else.
#include "penstock/device/group.h"
#include "penstock/layout/atomic.h"

extern "C" PENSTOCK_KERNEL void penstock_target_probe(penstock::u64* words) {
  PENSTOCK_WORKGROUP_MEMORY penstock::u64 sum;
  penstock::device::Group group;
  if (group.IsLeader()) sum = penstock::device::Group::Ticks();
  group.Barrier();
  const penstock::u64 votes = penstock::device::Group::Ballot(words[group.lane()] == sum);
  penstock::layout::FetchAdd<penstock::layout::Scope::kDevice>(words, votes);
  penstock::device::SpinPause();
  group.Idle();
  penstock::layout::StoreRelease<penstock::layout::Scope::kSystem>(words + 1, sum);
}
