// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a tenant may do: checked on the device for every slot, against the table that the host wrote.
#pragma once

#include "penstock/device/handler.h"
#include "penstock/device/state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/control.h"
#include "penstock/layout/packed_slot.h"

namespace penstock::device {

/// Takes one slot from the tenant's quota of this epoch. False, with nothing taken, when it is used up.
PENSTOCK_DEVICE bool TryTakeQuota(SharedState& shared, u32 tenant, u32 quota) {
  u32 epoch = layout::LoadRelaxed<layout::Scope::kDevice>(&shared.seen_epoch);
  u64 used = layout::LoadRelaxed<layout::Scope::kDevice>(&shared.tenant_used[tenant]);
  for (;;) {
    // Another workgroup may have seen a later epoch than this one: never back to the earlier, which would forget its count.
    if (static_cast<i32>(layout::HighWord(used) - epoch) > 0) epoch = layout::HighWord(used);
    const u32 count = layout::HighWord(used) == epoch ? layout::LowWord(used) : 0;
    if (count >= quota) return false;
    const u64 more = layout::JoinWords(count + 1, epoch);
    if (layout::CompareExchange<layout::Scope::kDevice>(&shared.tenant_used[tenant], used, more)) return true;
  }
}

/// Whether a mask permits the slot's opcode and, in a packed slot, every inner one; if not, `denied` is the first that it lacks.
PENSTOCK_DEVICE bool IsPermitted(u32 mask, const u32* word, u32& denied) {
  denied = word[layout::kOpcodeWord];
  if ((mask & layout::PermissionBit(denied)) == 0) return false;
  if (denied != layout::kPackedSlot) return true;
  // The payload is not validated yet: its count is not to be trusted, but this many pairs always lie inside it.
  const u32* payload = word + layout::kArgumentWord;
  const u32 count = layout::PackedSlot::OpCount(payload);
  for (u32 i = 0; i < count && i < layout::PackedSlot::kMaxOps; ++i) {
    denied = layout::PackedSlot::Op(payload, i).opcode;
    if ((mask & layout::PermissionBit(denied)) == 0) return false;
  }
  return true;
}

/// Mask in the low word, quota in the high word. A tenant that there is not has none.
PENSTOCK_DEVICE u64 RightsOf(const DeviceView& view, u32 tenant) {
  return tenant < layout::kTenantCount ? layout::LoadRelaxed<layout::Scope::kDevice>(&view.shared->tenant_rights[tenant]) : 0;
}

/// Done if the slot's tenant may run it now; otherwise the fault to end it with. A slot that was deferred is asked for its
/// permission each time it is run, and for its quota the first time. `rights`: as RightsOf says.
PENSTOCK_DEVICE Outcome AdmitTenant(const DeviceView& view, const u32* word, u64 rights, bool is_first_run) {
  using layout::FaultReason;
  const u32 tenant = word[layout::kTenantWord];
  if (tenant >= layout::kTenantCount) return Outcome::Fault(FaultReason::kTenantUnknown, tenant);
  u32 denied = 0;
  if (!IsPermitted(layout::LowWord(rights), word, denied)) return Outcome::Fault(FaultReason::kTenantDenied, denied);
  const u32 quota = layout::HighWord(rights);
  if (is_first_run && quota != 0 && !TryTakeQuota(*view.shared, tenant, quota)) {
    return Outcome::Fault(FaultReason::kTenantOverQuota, quota);
  }
  return Outcome::Done();
}

}  // namespace penstock::device
