// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The poller: the one workgroup at a time that looks at the doorbell, across the bus, for all of them.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"
#include "penstock/layout/doorbell.h"

namespace penstock::device {

/// Copies the doorbell line into memory of the workgroup, a double word a lane: one read across the bus.
PENSTOCK_DEVICE void ReadDoorbell(const DeviceView& view, const Group& group, u64* line) {
  const u64* doorbell = view.doorbell->bell;
  for (u32 i = group.lane(); i < layout::kDoorbellDoubleWords; i += group.lane_count()) {
    line[i] = layout::LoadRelaxed<layout::Scope::kSystem>(&doorbell[i]);
  }
}

/// The latest epoch that the line knows. The host stores a new one bell by bell.
PENSTOCK_DEVICE u32 LatestEpoch(const u64* line) {
  u32 latest = layout::BellEpoch(line[0]);
  for (u32 p = 1; p < layout::kPriorityCount; ++p) {
    const u32 epoch = layout::BellEpoch(line[p]);
    if (static_cast<i32>(epoch - latest) > 0) latest = epoch;
  }
  return latest;
}

/// Copies the tenant table to device memory if the line tells of a new epoch. Every lane of the poller calls it.
PENSTOCK_DEVICE void TakeOverTenants(const DeviceView& view, Group& group, const u64* line) {
  using layout::Scope;
  SharedState& shared = *view.shared;
  const u32 epoch = LatestEpoch(line);
  if (epoch == layout::LoadRelaxed<Scope::kDevice>(&shared.seen_epoch)) return;
  // Each lane reads the table, so each acquires. Pairs with the release in LiveRing::BeginEpoch.
  for (const u64& bell : view.doorbell->bell) layout::AcquireAfter<Scope::kSystem>(&bell);
  for (u32 tenant = group.lane(); tenant < layout::kTenantCount; tenant += group.lane_count()) {
    const u32 mask = layout::LoadRelaxed<Scope::kSystem>(&view.control[layout::kControlTenantMasks + tenant]);
    const u32 quota = layout::LoadRelaxed<Scope::kSystem>(&view.control[layout::kControlTenantQuotas + tenant]);
    layout::StoreRelaxed<Scope::kDevice>(&shared.tenant_mask[tenant], mask);
    layout::StoreRelaxed<Scope::kDevice>(&shared.tenant_quota[tenant], quota);
  }
  group.Barrier();
  if (group.IsLeader()) layout::StoreRelaxed<Scope::kDevice>(&shared.seen_epoch, epoch);
}

/// The role, as one workgroup's leader sees it.
class Poller {
 public:
  PENSTOCK_DEVICE Poller(const DeviceView& view, Group& group) : view_(view), group_(group) {}

  /// True if this workgroup is the poller, or could become it. Never waits.
  PENSTOCK_DEVICE bool TryBecome() {
    if (is_poller_) return true;
    u32 nobody = 0;
    u32* poller = &view_.launch->poller;
    if (layout::LoadRelaxed<layout::Scope::kDevice>(poller) != 0) return false;
    is_poller_ = layout::CompareExchange<layout::Scope::kDevice>(poller, nobody, 1u);
    if (is_poller_ && Group::kStaysPoller) group_.Worked();  // whatever it slept before, looking begins at full speed
    return is_poller_;
  }

  /// Lets another workgroup look. Pairs with its compare-and-swap.
  PENSTOCK_DEVICE void GiveUp() {
    if (is_poller_) layout::StoreRelease<layout::Scope::kDevice>(&view_.launch->poller, 0u);
    is_poller_ = false;
  }

  /// Makes what the line tells known to all workgroups. If `claims`, the poller takes the first new slot of the highest priority
  /// for itself, and true is returned. Requires: this workgroup is the poller, and its tenant table is of the line's epoch.
  PENSTOCK_DEVICE bool Post(const u64* line, bool claims, SlotName& slot) const {
    using layout::Scope;
    SharedState& shared = *view_.shared;
    bool claimed = false;
    for (u32 p = 0; p < layout::kPriorityCount; ++p) {
      const u32 tail = layout::BellTail(line[p]);
      u32 fresh = tail - layout::LoadRelaxed<Scope::kDevice>(&shared.seen_tail[p]);
      if (fresh == 0) continue;
      layout::AcquireAfter<Scope::kSystem>(&view_.doorbell->bell[p]);  // pairs with the release in LiveRing::Publish
      layout::StoreRelaxed<Scope::kDevice>(&shared.seen_tail[p], tail);
      if (claims && !claimed) {
        claimed = true;
        --fresh;
        slot = {p, layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&shared.head[p], 1u)};
      }
      // Pairs with the acquire in Claimant::TryClaim.
      if (fresh != 0) layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&shared.unclaimed[p], fresh);
    }
    if (line[layout::kDoorbellShutdown] != 0) layout::StoreRelaxed<Scope::kDevice>(&view_.launch->seen_shutdown, 1u);
    layout::StoreRelease<Scope::kDevice>(&view_.launch->seen_doorbell, 1u);
    return claimed;
  }

 private:
  const DeviceView& view_;
  Group& group_;
  bool is_poller_ = false;
};

}  // namespace penstock::device
