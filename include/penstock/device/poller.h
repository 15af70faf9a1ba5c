// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The poller: the one workgroup at a time that looks at the doorbell, across the bus, for all of them.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/io_request.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"
#include "penstock/layout/doorbell.h"

namespace penstock::device {

/// The doorbell as the poller sees it, in memory of the workgroup.
struct DoorbellSight {
  u64 now[layout::kDoorbellDoubleWords];     // as it was just read
  u64 before[layout::kDoorbellDoubleWords];  // as it was at the look before
  // In what the two differ: a byte each, so that all of them are one word to look at.
  alignas(8) u8 change[layout::kDoorbellDoubleWords];
  static constexpr u8 kAny = 1;
  static constexpr u8 kEpoch = 2;
  u32 has_ends;  // not 0: requests of the kernel have ended since the leader took note

  PENSTOCK_DEVICE bool Has(u8 what) const {
    static_assert(sizeof(change) == sizeof(u64));
    u64 all;
    __builtin_memcpy(&all, change, sizeof(all));
    return (all & (0x0101010101010101u * what)) != 0;
  }

  /// The first slot that was published in between, of the highest priority. False if none was.
  PENSTOCK_DEVICE bool FirstFresh(SlotName& slot) const {
    for (u32 p = 0; p < layout::kPriorityCount; ++p) {
      if (layout::BellTail(now[p]) == layout::BellTail(before[p])) continue;
      slot = {p, layout::BellTail(before[p])};
      return true;
    }
    return false;
  }

  /// The latest epoch that a line knows: the host stores a new one bell by bell.
  PENSTOCK_DEVICE static u32 LatestEpoch(const u64* line) {
    u32 latest = layout::BellEpoch(line[0]);
    for (u32 p = 1; p < layout::kPriorityCount; ++p) {
      const u32 epoch = layout::BellEpoch(line[p]);
      if (static_cast<i32>(epoch - latest) > 0) latest = epoch;
    }
    return latest;
  }
};

/// Reads the doorbell, a double word a lane: one read across the bus; and the I/O bells, if there are any. What has changed is
/// acquired by the lane that saw it; a barrier then hands that on to all lanes. Every lane of the poller calls it.
PENSTOCK_DEVICE void ReadDoorbell(const DeviceView& view, const Group& group, DoorbellSight& sight) {
  const u64* doorbell = view.doorbell->bell;
  for (u32 i = group.lane(); i < layout::kDoorbellDoubleWords; i += group.lane_count()) {
    const u64 before = sight.now[i];
    const u64 now = layout::LoadWatching<layout::Scope::kSystem>(&doorbell[i]);
    // Pairs with the releases in LiveRing::Publish and LiveRing::BeginEpoch.
    if (now != before) layout::AcquireAfterWatching<layout::Scope::kSystem>(&doorbell[i]);
    sight.before[i] = before;
    sight.now[i] = now;
    const bool in_epoch = i < layout::kPriorityCount && layout::BellEpoch(now) != layout::BellEpoch(before);
    sight.change[i] = static_cast<u8>((now != before ? DoorbellSight::kAny : 0) | (in_epoch ? DoorbellSight::kEpoch : 0));
  }
  if (view.io.queue_count != 0 && LookAtBells(view, group)) {
    layout::StoreRelaxed<layout::Scope::kWorkgroup>(&sight.has_ends, 1u);
  }
}

/// Copies the tenant table to device memory if the doorbell tells of a new epoch. Every lane of the poller calls it.
PENSTOCK_DEVICE void TakeOverTenants(const DeviceView& view, Group& group, const DoorbellSight& sight) {
  using layout::Scope;
  if (!sight.Has(DoorbellSight::kEpoch)) return;
  for (u32 tenant = group.lane(); tenant < layout::kTenantCount; tenant += group.lane_count()) {
    const u32 mask = layout::LoadRelaxed<Scope::kSystem>(&view.control[layout::kControlTenantMasks + tenant]);
    const u32 quota = layout::LoadRelaxed<Scope::kSystem>(&view.control[layout::kControlTenantQuotas + tenant]);
    layout::StoreRelaxed<Scope::kDevice>(&view.shared->tenant_rights[tenant], layout::JoinWords(mask, quota));
  }
  group.Barrier();
  if (group.IsLeader()) layout::StoreRelaxed<Scope::kDevice>(&view.shared->seen_epoch, DoorbellSight::LatestEpoch(sight.now));
}

/// The role, as one workgroup's leader sees it.
class Poller {
 public:
  PENSTOCK_DEVICE Poller(const DeviceView& view, Group& group, DoorbellSight& sight)
      : view_(view), group_(group), sight_(sight) {}

  PENSTOCK_DEVICE bool is_poller() const { return is_poller_; }

  /// True if this workgroup could become the poller. Never waits. Requires: it is not.
  PENSTOCK_DEVICE bool TryBecome() {
    using layout::Scope;
    u32 nobody = 0;
    u32* poller = &view_.launch->poller;
    if (layout::LoadRelaxed<Scope::kDevice>(poller) != 0) return false;
    if (!layout::CompareExchange<Scope::kDevice>(poller, nobody, 1u)) return false;
    is_poller_ = true;
    for (u32 p = 0; p < layout::kPriorityCount; ++p) {
      sight_.now[p] = layout::LoadRelaxed<Scope::kDevice>(&view_.shared->seen_bell[p]);
    }
    for (u32 i = layout::kPriorityCount; i < layout::kDoorbellDoubleWords; ++i) sight_.now[i] = 0;
    sight_.has_ends = 0;
    if (Group::kStaysPoller) group_.Worked();  // whatever it slept before, looking begins at full speed
    return true;
  }

  /// Lets another workgroup look. Pairs with its compare-and-swap.
  PENSTOCK_DEVICE void GiveUp() {
    if (is_poller_) layout::StoreRelease<layout::Scope::kDevice>(&view_.launch->poller, 0u);
    is_poller_ = false;
  }

  /// Makes what was seen known to all workgroups. If `claims`, the poller takes the first new slot of the highest priority for
  /// itself, and true is returned. Requires: this workgroup is the poller, and the tenant table has been taken over.
  PENSTOCK_DEVICE bool Post(bool claims, SlotName& slot) const {
    using layout::Scope;
    SharedState& shared = *view_.shared;
    bool claimed = false;
    for (u32 p = 0; p < layout::kPriorityCount; ++p) {
      if (sight_.now[p] == sight_.before[p]) continue;
      layout::StoreRelaxed<Scope::kDevice>(&shared.seen_bell[p], sight_.now[p]);
      u32 fresh = layout::BellTail(sight_.now[p]) - layout::BellTail(sight_.before[p]);
      if (fresh != 0 && claims && !claimed) {
        claimed = true;
        --fresh;
        slot = {p, layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&shared.head[p], 1u)};
      }
      // Pairs with the acquire in Claimant::TryClaim.
      if (fresh != 0) layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(&shared.unclaimed[p], fresh);
    }
    return claimed;
  }

 private:
  const DeviceView& view_;
  Group& group_;
  DoorbellSight& sight_;
  bool is_poller_ = false;
};

}  // namespace penstock::device
