// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All lanes store, then one releases for all of them.
#define __global__ __attribute__((global))

using u32 = unsigned;

extern "C" __global__ void barrier(u32* data, u32* status) {
  const u32 lane = __builtin_amdgcn_workitem_id_x();
  data[lane] = lane;
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
#if !defined(NO_WAIT)
  __builtin_amdgcn_s_waitcnt(0x0F70);
#endif
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
  if (lane == 0) __hip_atomic_store(status, data[1], __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
}
