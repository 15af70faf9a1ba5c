// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Uses every scoped atomic and every codec from device code, so that their HIP and CUDA branches are compiled.
#include "penstock/device/deferred_queue.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/crc32c.h"
#include "penstock/layout/debug_log.h"
#include "penstock/layout/packed_slot.h"

#if defined(__CUDACC__)
#define KERNEL extern "C" __global__
#else
#define KERNEL extern "C" __attribute__((global))
#endif

using namespace penstock;
using layout::Scope;

KERNEL void UseEverything(u32* word, u64* wide, device::DeferredQueue queue) {
  const u32 seen = layout::LoadAcquire<Scope::kSystem>(word);
  layout::AcquireAfter<Scope::kSystem>(word);
  layout::AcquireAfter<Scope::kDevice>(word);
  layout::AcquireAfter<Scope::kWorkgroup>(word);
  layout::StoreRelease<Scope::kSystem>(word + 1, seen);
  layout::StoreRelaxed<Scope::kDevice>(word + 2, layout::LoadRelaxed<Scope::kWorkgroup>(word + 3));
  layout::FetchAdd<Scope::kDevice>(word + 4, 1u);
  layout::FetchAdd<Scope::kWorkgroup>(wide, u64{1});
  layout::FetchAdd<Scope::kWorkgroup, layout::Order::kRelaxed>(word + 8, 1u);
  layout::FetchAdd<Scope::kDevice, layout::Order::kAcquire>(word + 9, 1u);
  layout::FetchAdd<Scope::kDevice, layout::Order::kRelease>(word + 10, layout::LoadWatching<Scope::kSystem>(word + 11));
  layout::AcquireAfterWatching<Scope::kSystem>(word + 11);
  u32 expected = 5;
  layout::CompareExchange<Scope::kDevice>(word + 5, expected, 6u);
  device::SlotName slot = {1, 2};
  queue.TryPush(slot);
  queue.TryPop(slot);
  const u32 record[4] = {1, 2, 3, 4};
  layout::AppendRecord(word + 64, 4, record);
  word[6] = slot.sequence + layout::PackedSlot::OpCount(word) + layout::JoinCrc32c(1, 2, layout::Crc32cShift(word[7]));
}
