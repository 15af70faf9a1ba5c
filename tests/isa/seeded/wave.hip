// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A resident loop in which one lane fetches a ticket for all; with TORN, what that lane does last has no barrier after it.
#define __global__ __attribute__((global))

using u32 = unsigned;

__attribute__((shared)) u32 shared_ticket;

extern "C" __global__ void wave(const u32* tickets, u32* done) {
  const bool leader = __builtin_amdgcn_workitem_id_x() == 0;
  for (u32 round = 0;; ++round) {
    if (leader) shared_ticket = __hip_atomic_load(&tickets[round], __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_SYSTEM);
    __builtin_amdgcn_s_barrier();
    const u32 ticket = shared_ticket;
    __builtin_amdgcn_s_barrier();
    if (ticket == 0) return;
    if (leader) __hip_atomic_store(&done[ticket], 1, __ATOMIC_RELEASE, __HIP_MEMORY_SCOPE_SYSTEM);
#if !defined(TORN)
    __builtin_amdgcn_s_barrier();
#endif
  }
}
