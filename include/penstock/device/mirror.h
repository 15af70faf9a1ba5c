// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The mirror: what the host gets to see of counters and user words, written by all lanes of one workgroup.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"

namespace penstock::device {

/// Stores the sums of the workgroups' counters and the user words to host memory. Every lane calls it; one workgroup at a time.
PENSTOCK_DEVICE void Mirror(const DeviceView& view, const Group& group) {
  using layout::Scope;
  u64* sums = &view.counters->done;
  for (u32 i = group.lane(); i < layout::kCounterCount; i += group.lane_count()) {
    u64 sum = 0;
    for (u32 workgroup = 0; workgroup < view.workgroup_count; ++workgroup) {
      sum += layout::LoadRelaxed<Scope::kDevice>(&view.workgroups[workgroup].counters.done + i);
    }
    layout::StoreRelaxed<Scope::kSystem>(&sums[i], sum);
    if (const u32 word = layout::ControlWordOfCounter(i); word != 0) {
      layout::StoreRelaxed<Scope::kSystem>(&view.control[word], layout::LowWord(sum));
    }
  }
  const u32 room = view.control_word_count - layout::kControlUserWords;
  const u32 words = view.user_word_count < room ? view.user_word_count : room;
  for (u32 i = group.lane(); i < words; i += group.lane_count()) {
    layout::StoreRelaxed<Scope::kSystem>(&view.control[layout::kControlUserWords + i],
                                         layout::LoadRelaxed<Scope::kDevice>(&view.user_words[i]));
  }
}

}  // namespace penstock::device
