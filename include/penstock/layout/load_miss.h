// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LOAD_MISS: a slot that asks for a resource which is not on the device.
#pragma once

#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// What a LOAD_MISS asks for.
struct LoadMiss {
  u32 resource_id;  // row of the resource table
  bool prefetch;    // nobody waits for it yet
};

/// The slot that carries `miss`: PUBLISHED, tenant 0, priority normal, and every unused argument 0.
PENSTOCK_HOST_DEVICE constexpr Slot EncodeLoadMiss(const LoadMiss& miss) {
  Slot slot{};
  slot.word[kStatusWord] = kPublished;
  slot.word[kOpcodeWord] = kLoadMiss;
  slot.word[kPriorityWord] = static_cast<u32>(Priority::kNormal);
  slot.word[kArgumentWord] = miss.resource_id;
  slot.word[kArgumentWord + 1] = miss.prefetch ? 1 : 0;
  return slot;
}

/// Reads a load miss into `miss`; false, and `miss` untouched, for a slot that is none: not PUBLISHED, another opcode, a tenant
/// other than 0, or a prefetch flag that is neither 0 nor 1. Priority and unused arguments are not looked at.
PENSTOCK_HOST_DEVICE constexpr bool DecodeLoadMiss(const Slot& slot, LoadMiss& miss) {
  if (slot.word[kStatusWord] != kPublished || slot.word[kOpcodeWord] != kLoadMiss || slot.word[kTenantWord] != 0) return false;
  const u32 flag = slot.word[kArgumentWord + 1];
  if (flag > 1) return false;
  miss = {slot.word[kArgumentWord], flag == 1};
  return true;
}

}  // namespace penstock::layout
