// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one workgroup at a time does across the bus: it reads the doorbell, takes over changes of the tenant table, and mirrors
// the counters and user words for the host.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"
#include "penstock/layout/doorbell.h"

namespace penstock::device {

/// Adds 1 to a counter whose only writer is the caller: no read-modify-write, only a store that the mirror may read any time.
PENSTOCK_DEVICE void Bump(u64& counter) { layout::StoreRelaxed<layout::Scope::kDevice>(&counter, counter + 1); }

/// Copies the tenant table to device memory. Requires: the caller is the poller, or nobody runs yet.
PENSTOCK_DEVICE void CopyTenantTable(const DeviceView& view) {
  for (u32 tenant = 0; tenant < layout::kTenantCount; ++tenant) {
    const u32 mask = layout::LoadRelaxed<layout::Scope::kSystem>(&view.control[layout::kControlTenantMasks + tenant]);
    const u32 quota = layout::LoadRelaxed<layout::Scope::kSystem>(&view.control[layout::kControlTenantQuotas + tenant]);
    layout::StoreRelaxed<layout::Scope::kDevice>(&view.shared->tenant_mask[tenant], mask);
    layout::StoreRelaxed<layout::Scope::kDevice>(&view.shared->tenant_quota[tenant], quota);
  }
}

namespace doorbell_internal {

PENSTOCK_DEVICE u64 SumOverWorkgroups(const DeviceView& view, u32 counter) {
  u64 sum = 0;
  for (u32 i = 0; i < view.workgroup_count; ++i) {
    const u64* counters = reinterpret_cast<const u64*>(&view.workgroups[i].counters);
    sum += layout::LoadRelaxed<layout::Scope::kDevice>(&counters[counter]);
  }
  return sum;
}

PENSTOCK_DEVICE void StoreControl(const DeviceView& view, u32 word, u64 value) {
  layout::StoreRelaxed<layout::Scope::kSystem>(&view.control[word], layout::LowWord(value));
}

/// The fixed words of the control block: the low halves of the counters, and the user words.
PENSTOCK_DEVICE void MirrorControl(const DeviceView& view, const layout::Counters& sums) {
  StoreControl(view, layout::kControlDoneCount, sums.done);
  StoreControl(view, layout::kControlStarvation, sums.starvation);
  for (u32 i = 0; i < layout::kOpcodeCounterCount; ++i) StoreControl(view, layout::kControlOpcodeCounters + i, sums.opcode[i]);
  for (u32 i = 0; i < layout::kPriorityCount; ++i) StoreControl(view, layout::kControlPriorityCounters + i, sums.priority[i]);
  for (u32 i = 0; i < layout::kTenantCount; ++i) StoreControl(view, layout::kControlTenantFairness + i, sums.tenant[i]);
  const u32 room = view.control_word_count - layout::kControlUserWords;
  const u32 words = view.user_word_count < room ? view.user_word_count : room;
  for (u32 i = 0; i < words; ++i) {
    StoreControl(view, layout::kControlUserWords + i, layout::LoadRelaxed<layout::Scope::kDevice>(&view.user_words[i]));
  }
}

PENSTOCK_DEVICE void Mirror(const DeviceView& view) {
  layout::Counters sums;
  u64* sum = reinterpret_cast<u64*>(&sums);
  u64* mirrored = reinterpret_cast<u64*>(view.counters);
  for (u32 i = 0; i < layout::kCounterCount; ++i) {
    sum[i] = SumOverWorkgroups(view, i);
    layout::StoreRelaxed<layout::Scope::kSystem>(&mirrored[i], sum[i]);
  }
  MirrorControl(view, sums);
}

// The tails are read before the epoch and stored after the tenant table: a slot that was published after a change of rights
// never runs under the old ones.
PENSTOCK_DEVICE void ReadDoorbell(const DeviceView& view) {
  const layout::Doorbell& doorbell = *view.doorbell;
  SharedState& shared = *view.shared;
  u32 tail[layout::kPriorityCount];
  for (u32 p = 0; p < layout::kPriorityCount; ++p) {
    tail[p] = layout::LoadRelaxed<layout::Scope::kSystem>(&doorbell.tail[p]);
    if (tail[p] == layout::LoadRelaxed<layout::Scope::kDevice>(&shared.seen_tail[p])) continue;
    layout::AcquireAfter<layout::Scope::kSystem>(&doorbell.tail[p]);  // pairs with the release in LiveRing::Publish
  }
  const u32 epoch = layout::LoadRelaxed<layout::Scope::kSystem>(&doorbell.epoch);
  if (epoch != layout::LoadRelaxed<layout::Scope::kDevice>(&shared.seen_epoch)) {
    layout::AcquireAfter<layout::Scope::kSystem>(&doorbell.epoch);  // pairs with the release in LiveRing::BeginEpoch
    CopyTenantTable(view);
    layout::StoreRelaxed<layout::Scope::kDevice>(&shared.seen_epoch, epoch);
  }
  for (u32 p = 0; p < layout::kPriorityCount; ++p) {
    if (tail[p] == layout::LoadRelaxed<layout::Scope::kDevice>(&shared.seen_tail[p])) continue;
    layout::StoreRelease<layout::Scope::kDevice>(&shared.seen_tail[p], tail[p]);  // pairs with the acquire in Claimant::TryClaim
  }
  if (layout::LoadRelaxed<layout::Scope::kSystem>(&doorbell.shutdown) != 0) {
    layout::StoreRelease<layout::Scope::kDevice>(&shared.seen_shutdown, 1u);
  }
}

}  // namespace doorbell_internal

/// Reads the doorbell, unless another workgroup is there. Called by a leader. Never waits.
PENSTOCK_DEVICE void PollDoorbell(const DeviceView& view, const Group& group) {
  SharedState& shared = *view.shared;
  u32 nobody = 0;
  if (layout::LoadRelaxed<layout::Scope::kDevice>(&shared.poller) != 0) return;
  if (!layout::CompareExchange<layout::Scope::kDevice>(&shared.poller, nobody, 1u)) return;
  doorbell_internal::ReadDoorbell(view);
  layout::Counters& counters = view.workgroups[group.workgroup()].counters;
  Bump(counters.doorbell_polls);
  const u64 now = Group::Ticks();
  if (now >= shared.next_mirror_ticks) {
    shared.next_mirror_ticks = now + view.mirror_interval_ticks;
    Bump(counters.heartbeat);
    doorbell_internal::Mirror(view);
  }
  layout::StoreRelease<layout::Scope::kDevice>(&shared.poller, 0u);  // pairs with the next poller's compare-and-swap
}

/// The last thing that a workgroup's leader does. The last workgroup to leave mirrors the final counters.
PENSTOCK_DEVICE void Leave(const DeviceView& view) {
  const u32 still_running = layout::FetchAdd<layout::Scope::kDevice>(&view.shared->running, ~0u) - 1;
  if (still_running == 0) doorbell_internal::Mirror(view);
}

}  // namespace penstock::device
