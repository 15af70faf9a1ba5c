// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A ring of one slot and a doorbell, right in every respect; with a macro, wrong in one.
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))

using u32 = unsigned;

static __device__ u32 LookAt(const u32* doorbell) {
#if defined(LOOK_ACQUIRES)
  return __hip_atomic_load(doorbell, __ATOMIC_ACQUIRE, __HIP_MEMORY_SCOPE_SYSTEM);
#else
  return __hip_atomic_load(doorbell, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
#endif
}

extern "C" __global__ void edges(const u32* doorbell, u32* slot, u32* head, u32* data) {
  for (;;) {
    const u32 seen = LookAt(doorbell);
#if defined(ACQUIRE_ALWAYS)
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "");
#endif
    if (seen != 0) {
#if defined(ACQUIRE_ON_DEVICE)
      __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "agent");
#else
      __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "");
#endif
      data[1] = data[0] + slot[1];
#if defined(CLAIM_ACROSS_BUS)
      slot[2] = __hip_atomic_fetch_add(head, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
#else
      slot[2] = __hip_atomic_fetch_add(head, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
#endif
#if defined(RELEASE_ON_DEVICE)
      __hip_atomic_store(slot, 3, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_AGENT);
#else
      __hip_atomic_store(slot, 3, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
#endif
      if (seen == 2) return;
    }
    __builtin_amdgcn_s_barrier();
  }
}
