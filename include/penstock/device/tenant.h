// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a tenant may do: checked on the device for every slot, against the table that the host wrote.
#pragma once

#include "penstock/device/handler.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"

namespace penstock::device {

/// Takes one slot from the tenant's quota of this epoch. False, with nothing taken, when it is used up.
PENSTOCK_DEVICE bool TryTakeQuota(SharedState& shared, u32 tenant, u32 quota) {
  const u32 epoch = layout::LoadRelaxed<layout::Scope::kDevice>(&shared.seen_epoch);
  u64 used = layout::LoadRelaxed<layout::Scope::kDevice>(&shared.tenant_used[tenant]);
  for (;;) {
    const u32 count = layout::HighWord(used) == epoch ? layout::LowWord(used) : 0;
    if (count >= quota) return false;
    const u64 more = layout::JoinWords(count + 1, epoch);
    if (layout::CompareExchange<layout::Scope::kDevice>(&shared.tenant_used[tenant], used, more)) return true;
  }
}

/// Done if the tenant may run the opcode now; otherwise the fault to end the slot with.
PENSTOCK_DEVICE Outcome AdmitTenant(const DeviceView& view, u32 tenant, u32 opcode) {
  using layout::FaultReason;
  SharedState& shared = *view.shared;
  if (tenant >= layout::kTenantCount) return Outcome::Fault(FaultReason::kTenantUnknown, tenant);
  const u32 mask = layout::LoadRelaxed<layout::Scope::kDevice>(&shared.tenant_mask[tenant]);
  if ((mask & layout::PermissionBit(opcode)) == 0) return Outcome::Fault(FaultReason::kTenantDenied, opcode);
  const u32 quota = layout::LoadRelaxed<layout::Scope::kDevice>(&shared.tenant_quota[tenant]);
  if (quota != 0 && !TryTakeQuota(shared, tenant, quota)) return Outcome::Fault(FaultReason::kTenantOverQuota, quota);
  return Outcome::Done();
}

}  // namespace penstock::device
