// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/gpu/crc_kernel.h"

#include "benchmarks/gpu/gpu_run.h"
#include "penstock/device/group.h"
#include "penstock/layout/crc32c.h"

namespace penstock::bench {
namespace {

using device::Group;

static_assert(kCrcLanes == device::kGpuLanes);

struct alignas(16) FourWords {
  u32 word[4];
};

PENSTOCK_DEVICE u32 Lookup(const u32* table, u32 remainder) {
  return table[3 * 256 + (remainder & 0xFF)] ^ table[2 * 256 + ((remainder >> 8) & 0xFF)] ^
         table[256 + ((remainder >> 16) & 0xFF)] ^ table[remainder >> 24];
}

// A lane's stripe, then its place in the chunk, then the workgroup's sum.
PENSTOCK_KERNEL void CrcKernel(CrcTables tables, const u8* bytes, u32* pieces) {
  PENSTOCK_WORKGROUP_MEMORY u32 table[kCrcTableWords];
  PENSTOCK_WORKGROUP_MEMORY u32 sums[kCrcLanes];
  Group group;
  const u32 stripe = group.workgroup() * kCrcLanes + group.lane();
  const FourWords* from = reinterpret_cast<const FourWords*>(bytes + static_cast<u64>(stripe) * kCrcStripeBytes);
  FourWords loaded[kCrcStripeBytes / sizeof(FourWords)];
#pragma unroll
  for (u32 i = 0; i < kCrcStripeBytes / sizeof(FourWords); ++i) loaded[i] = from[i];
  for (u32 i = group.lane(); i < kCrcTableWords; i += kCrcLanes) table[i] = tables.by_byte[i];
  group.Barrier();
  u32 remainder = 0;
#pragma unroll
  for (u32 i = 0; i < kCrcStripeBytes / sizeof(FourWords); ++i) {
#pragma unroll
    for (u32 j = 0; j < 4; ++j) remainder = Lookup(table, remainder ^ loaded[i].word[j]);
  }
  sums[group.lane()] = layout::MultiplyCrc32c(tables.shift[stripe], remainder);
  group.Barrier();
  for (u32 half = kCrcLanes / 2; half > 0; half /= 2) {
    if (group.lane() < half) sums[group.lane()] ^= sums[group.lane() + half];
    group.Barrier();
  }
  if (group.IsLeader()) pieces[group.workgroup()] = sums[0];
}

}  // namespace

void LaunchCrc32c(hipStream_t stream, const CrcTables& tables, const u8* bytes, u32 length_bytes, u32* pieces) {
  Launch(stream, {length_bytes / kCrcPieceBytes, kCrcLanes}, CrcKernel, tables, bytes, pieces);
}

}  // namespace penstock::bench
