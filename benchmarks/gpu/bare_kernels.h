// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that use the hardware in the simplest way that works: what everything of Penstock is held against. Each function
// launches one and returns at once.
#pragma once

#include "hip/gpu_api.h"
#include "penstock/layout/target.h"

namespace penstock::bench {

/// Lanes of a workgroup where the figure is not about one lane: as many as the megakernel's.
inline constexpr u32 kLanes = 256;

/// A word with a cache line to itself.
struct alignas(128) LoneWord {
  u32 value;
};

void LaunchEmpty(hipStream_t stream);

/// One lane, which answers each value that the host stores into `ping` with the same value in `pong`, `rounds` times.
void LaunchPingPong(hipStream_t stream, const LoneWord* ping, LoneWord* pong, u32 rounds);

inline constexpr u32 kLeaveBareRing = ~0u;

/// The words of a bare ring: each workgroup has `slots` of them in `published` and in `done`, `stride` words apart.
struct BareRing {
  u32* published;
  u32* done;
  u32 slots;
  u32 stride;

  PENSTOCK_HOST_DEVICE u64 At(u32 workgroup, u32 sequence) const {
    return (static_cast<u64>(workgroup) * slots + sequence % slots) * stride;
  }
  /// What the slot's word holds once the slot with that sequence number is published, or done.
  PENSTOCK_HOST_DEVICE u32 LapOf(u32 sequence) const { return sequence / slots + 1; }
};

/// One lane a workgroup, which waits for its next slot's word and hands it back, until the word is kLeaveBareRing.
void LaunchBareRing(hipStream_t stream, u32 workgroups, const BareRing& ring);

/// What a lane loads or stores with one instruction at most.
struct alignas(16) Line16 {
  u64 low;
  u64 high;
};

/// Reads `count` lines, every lane with `unroll` loads in flight (1, 2, 4 or 8). `sums`: a word a lane.
void LaunchRead(hipStream_t stream, u32 workgroups, u32 unroll, const Line16* lines, u64 count, u64* sums);
/// Writes `count` lines.
void LaunchWrite(hipStream_t stream, u32 workgroups, Line16* lines, u64 count);

}  // namespace penstock::bench
