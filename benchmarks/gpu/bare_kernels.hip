// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/gpu/bare_kernels.h"

#include "benchmarks/gpu/gpu_run.h"
#include "penstock/device/group.h"
#include "penstock/layout/atomic.h"

namespace penstock::bench {
namespace {

using device::Group;
using layout::Scope;

static_assert(kLanes == device::kGpuLanes);

PENSTOCK_KERNEL void EmptyKernel() {}

PENSTOCK_KERNEL void PingPongKernel(const LoneWord* ping, LoneWord* pong, u32 rounds) {
  for (u32 round = 1; round <= rounds; ++round) {
    while (layout::LoadRelaxed<Scope::kSystem>(&ping->value) != round) {
    }
    layout::StoreRelease<Scope::kSystem>(&pong->value, round);
  }
}

PENSTOCK_KERNEL void BareRingKernel(BareRing ring) {
  const Group group;
  for (u32 sequence = 0;; ++sequence) {
    const u64 at = ring.At(group.workgroup(), sequence);
    const u32 lap = ring.LapOf(sequence);
    u32 seen;
    do {
      seen = layout::LoadRelaxed<Scope::kSystem>(&ring.published[at]);
      if (seen == kLeaveBareRing) return;
    } while (seen != lap);
    layout::StoreRelease<Scope::kSystem>(&ring.done[at], lap);
  }
}

PENSTOCK_DEVICE u64 GlobalLane(const Group& group) {
  return static_cast<u64>(group.workgroup()) * Group::lane_count() + group.lane();
}

// All lanes together take neighbouring lines, and `Unroll` such rows are in flight.
template <u32 Unroll>
PENSTOCK_KERNEL void ReadKernel(const Line16* lines, u64 count, u32 workgroups, u64* sums) {
  const Group group;
  const u64 lanes = static_cast<u64>(workgroups) * Group::lane_count();
  u64 sum = 0;
  for (u64 at = GlobalLane(group); at + (Unroll - 1) * lanes < count; at += Unroll * lanes) {
    Line16 loaded[Unroll];
#pragma unroll
    for (u32 i = 0; i < Unroll; ++i) loaded[i] = lines[at + i * lanes];
#pragma unroll
    for (u32 i = 0; i < Unroll; ++i) sum += loaded[i].low ^ loaded[i].high;
  }
  sums[GlobalLane(group)] = sum;
}

PENSTOCK_KERNEL void WriteKernel(Line16* lines, u64 count, u32 workgroups) {
  const Group group;
  const u64 lanes = static_cast<u64>(workgroups) * Group::lane_count();
  for (u64 at = GlobalLane(group); at < count; at += lanes) lines[at] = {at, ~at};
}

}  // namespace

void LaunchEmpty(hipStream_t stream) { Launch(stream, {1, 1}, EmptyKernel); }

void LaunchPingPong(hipStream_t stream, const LoneWord* ping, LoneWord* pong, u32 rounds) {
  Launch(stream, {1, 1}, PingPongKernel, ping, pong, rounds);
}

void LaunchBareRing(hipStream_t stream, u32 workgroups, const BareRing& ring) {
  Launch(stream, {workgroups, 1}, BareRingKernel, ring);
}

void LaunchRead(hipStream_t stream, u32 workgroups, u32 unroll, const Line16* lines, u64 count, u64* sums) {
  const auto kernel = unroll == 1 ? &ReadKernel<1> : unroll == 2 ? &ReadKernel<2> : unroll == 4 ? &ReadKernel<4> : &ReadKernel<8>;
  Launch(stream, {workgroups, kLanes}, kernel, lines, count, workgroups, sums);
}

void LaunchWrite(hipStream_t stream, u32 workgroups, Line16* lines, u64 count) {
  Launch(stream, {workgroups, kLanes}, WriteKernel, lines, count, workgroups);
}

}  // namespace penstock::bench
