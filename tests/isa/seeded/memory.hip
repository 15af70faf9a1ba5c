// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Code that cannot stay in registers, or reads through the scalar cache what may change.
#define __global__ __attribute__((global))

using u32 = unsigned;

extern "C" int memcmp(const void*, const void*, __SIZE_TYPE__);

extern "C" __global__ void memory(const u32* __restrict__ in, u32* out, u32 n) {
  const u32 lane = __builtin_amdgcn_workitem_id_x();
#if defined(PRIVATE_ARRAY)
  u32 array[256];
  for (u32 i = 0; i < n; ++i) array[out[i] % 256] = i;
  out[lane] = array[out[lane] % 256];
#elif defined(A_CALL)
  out[lane] = __builtin_memcmp(out, out + lane, n);
#elif defined(SCALAR_LOAD)
  out[lane] = in[n];
#else
  out[lane] = in[lane] + n;
#endif
}
