// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The workgroup of a GPU: kGpuLanes lanes in waves of 32 or 64, written with the compilers' own names, so that no device library
// is needed. Included by group.h.
#pragma once

#include "penstock/device/gpu_lanes.h"
#include "penstock/device/vector.h"
#include "penstock/layout/live_io.h"
#include "penstock/layout/target.h"

#define PENSTOCK_DEVICE inline __attribute__((device))
#if defined(__CUDACC__)
#define PENSTOCK_KERNEL __attribute__((global)) __attribute__((launch_bounds(penstock::device::kGpuLanes)))
#else
#define PENSTOCK_KERNEL __attribute__((global)) __attribute__((amdgpu_flat_work_group_size(1, penstock::device::kGpuLanes)))
#endif
#define PENSTOCK_WORKGROUP_MEMORY __attribute__((shared))

namespace penstock::device {

namespace gpu {

#if defined(__CUDACC__)

PENSTOCK_DEVICE u32 WorkgroupIndex() { return blockIdx.x; }
PENSTOCK_DEVICE u32 LaneIndex() { return threadIdx.x; }
PENSTOCK_DEVICE void Barrier() { __syncthreads(); }
PENSTOCK_DEVICE u32 WaveLanes() { return 32; }
PENSTOCK_DEVICE u64 Ballot(bool vote) { return __ballot_sync(0xFFFFFFFFu, vote); }
inline constexpr u64 kTicksPerSecond = kNvidiaTicksPerSecond;
PENSTOCK_DEVICE u64 Ticks() {
  u64 now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}
/// About half a microsecond.
PENSTOCK_DEVICE void SleepOnce() { __nanosleep(500); }
PENSTOCK_DEVICE void Pause() { __nanosleep(20); }
PENSTOCK_DEVICE u32 Uniform(u32 value) { return value; }
PENSTOCK_DEVICE u32 LowestBit(u64 bits) { return static_cast<u32>(__ffsll(static_cast<long long>(bits))) - 1; }
PENSTOCK_DEVICE u32 CountBits(u64 bits) { return static_cast<u32>(__popcll(bits)); }

// A registered buffer is never in memory of a workgroup: said here, so that the compiler takes the instructions for the rest.
using Native = uint4;
template <typename T>
PENSTOCK_DEVICE T Load(const u8* at) {
  __builtin_assume(__isGlobal(at));
  return *reinterpret_cast<const T*>(at);
}
template <typename T>
PENSTOCK_DEVICE void Store(u8* at, T value) {
  __builtin_assume(__isGlobal(at));
  *reinterpret_cast<T*>(at) = value;
}

#else

PENSTOCK_DEVICE u32 WorkgroupIndex() { return __builtin_amdgcn_workgroup_id_x(); }
PENSTOCK_DEVICE u32 LaneIndex() { return __builtin_amdgcn_workitem_id_x(); }
// Each wave waits for its own stores, because the leader, who releases the slot's status after a barrier, waits only for its own
// wave's. A release at workgroup scope leaves the wait out where a workgroup shares its first cache (gfx9).
PENSTOCK_DEVICE void Barrier() {
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
#if defined(__GFX9__)
  constexpr int kAllVectorMemory = 0x0F70;  // vmcnt(0), and nothing else
  __builtin_amdgcn_s_waitcnt(kAllVectorMemory);
#endif
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
#if defined(__GFX10__) || defined(__GFX11__) || defined(__GFX12__)
inline constexpr u32 kWaveLanes = 32;
#else
inline constexpr u32 kWaveLanes = 64;
#endif
PENSTOCK_DEVICE u32 WaveLanes() { return kWaveLanes; }
PENSTOCK_DEVICE u64 Ballot(bool vote) {
#if !__has_builtin(__builtin_amdgcn_ballot_w32)  // clang 15
  constexpr int kNotEqual = 33;
  return __builtin_amdgcn_uicmp(vote ? 1u : 0u, 0u, kNotEqual);
#elif defined(__GFX10__) || defined(__GFX11__) || defined(__GFX12__)
  return __builtin_amdgcn_ballot_w32(vote);
#else
  return __builtin_amdgcn_ballot_w64(vote);
#endif
}
inline constexpr u64 kTicksPerSecond = kAmdTicksPerSecond;  // the reference clock: it runs on when the shaders' is gated
PENSTOCK_DEVICE u64 Ticks() {
#if defined(__GFX11__) || defined(__GFX12__)
  constexpr u32 kRealTime = 0x83;
  return __builtin_amdgcn_s_sendmsg_rtnl(kRealTime);
#else
  return __builtin_amdgcn_s_memrealtime();
#endif
}
/// About half a microsecond: the unit is 64 cycles.
PENSTOCK_DEVICE void SleepOnce() { __builtin_amdgcn_s_sleep(16); }
PENSTOCK_DEVICE void Pause() { __builtin_amdgcn_s_sleep(1); }
PENSTOCK_DEVICE u32 Uniform(u32 value) { return __builtin_amdgcn_readfirstlane(value); }
PENSTOCK_DEVICE u32 LowestBit(u64 bits) { return static_cast<u32>(__builtin_ctzll(bits)); }
PENSTOCK_DEVICE u32 CountBits(u64 bits) { return static_cast<u32>(__builtin_popcountll(bits)); }

// A registered buffer is never in memory of a workgroup: said here, because instructions that could reach both also wait for
// both.
typedef u32 Native __attribute__((ext_vector_type(4)));
template <typename T>
PENSTOCK_DEVICE T Load(const u8* at) {
  return *(const __attribute__((address_space(1))) T*)at;
}
template <typename T>
PENSTOCK_DEVICE void Store(u8* at, T value) {
  *(__attribute__((address_space(1))) T*)at = value;
}

#endif

}  // namespace gpu

/// Tells the processor that this is a spin loop.
PENSTOCK_DEVICE void SpinPause() { gpu::Pause(); }

/// One lane's view of its workgroup. Passed by reference; a lane has exactly one.
class Group {
 public:
  static constexpr u64 kTicksPerSecond = gpu::kTicksPerSecond;

  PENSTOCK_DEVICE Group() : workgroup_(gpu::WorkgroupIndex()), lane_(gpu::LaneIndex()) {}

  PENSTOCK_DEVICE u32 workgroup() const { return workgroup_; }
  PENSTOCK_DEVICE u32 lane() const { return lane_; }
  PENSTOCK_HOST_DEVICE static constexpr u32 lane_count() { return kGpuLanes; }
  PENSTOCK_DEVICE bool IsLeader() const { return lane_ == 0; }

  /// Lanes that run in step and can vote.
  PENSTOCK_DEVICE static u32 WaveLanes() { return gpu::WaveLanes(); }
  /// Bit i: what lane i of this lane's wave said. Every lane of the wave must call it.
  PENSTOCK_DEVICE static u64 Ballot(bool vote) { return gpu::Ballot(vote); }

  /// Number of the lowest bit that is set. Requires: bits != 0.
  PENSTOCK_DEVICE static u32 LowestBit(u64 bits) { return gpu::LowestBit(bits); }
  PENSTOCK_DEVICE static u32 CountBits(u64 bits) { return gpu::CountBits(bits); }

  /// A GPU makes no system calls: the service looks by itself.
  PENSTOCK_DEVICE static void RingIoAlarm(layout::IoAlarm*) {}

  /// What is the same in every lane, told to the compiler, which then branches once for all.
  PENSTOCK_DEVICE static u32 Uniform(u32 value) { return gpu::Uniform(value); }

  /// Every lane of the workgroup must call it; what a lane wrote before is seen by every lane after.
  PENSTOCK_DEVICE void Barrier() { gpu::Barrier(); }

  /// Monotonic time in 1 / kTicksPerSecond.
  PENSTOCK_DEVICE static u64 Ticks() { return gpu::Ticks(); }

  PENSTOCK_DEVICE static u64 CoarseTicks() { return gpu::Ticks(); }

  /// A workgroup that found the doorbell unchanged looks again: to hand the role over takes nearly as long as to look.
  static constexpr bool kStaysPoller = true;

  /// Called by the leader when it found nothing to do: looks again at once for about 100 us, then sleeps, longer each time.
  PENSTOCK_DEVICE void Idle(layout::IoAlarm* = nullptr) {
    if (++idle_ <= kSpins) return;
    for (u32 i = 0; i < sleeps_; ++i) gpu::SleepOnce();
    if (sleeps_ < kMaxSleeps) sleeps_ *= 2;
  }

  /// Called by the leader when it found work.
  PENSTOCK_DEVICE void Worked() {
    idle_ = 0;
    sleeps_ = 1;
  }

 private:
  // A round of the poller is a few looks at the doorbell, of a microsecond each. Asleep for 8 us in between, it reads 64 bytes
  // half a million times a second: 30 MB/s, less than a thousandth of what the bus carries.
  static constexpr u32 kSpins = 16;
  static constexpr u32 kMaxSleeps = 16;

  u32 workgroup_;
  u32 lane_;
  u32 idle_ = 0;
  u32 sleeps_ = 1;
};

/// Reads and writes bytes of a registered buffer as an item of type T: u8, u32 or Vector. Requires: aligned to the item.
template <typename T>
PENSTOCK_DEVICE T LoadBuffer(const u8* at) {
  if constexpr (sizeof(T) == kVectorBytes) {
    const gpu::Native native = gpu::Load<gpu::Native>(at);
    return {native.x, native.y, native.z, native.w};
  } else {
    return gpu::Load<T>(at);
  }
}
template <typename T>
PENSTOCK_DEVICE void StoreBuffer(u8* at, const T& item) {
  if constexpr (sizeof(T) == kVectorBytes) {
    const gpu::Native native = {item.word[0], item.word[1], item.word[2], item.word[3]};
    gpu::Store<gpu::Native>(at, native);
  } else {
    gpu::Store<T>(at, item);
  }
}

/// See cpu_one_lane.h: a workgroup of a GPU never has one lane.
class OneLane {
 public:
  template <typename... Arguments>
  PENSTOCK_DEVICE static bool Crc32c(Arguments&&...) {
    return false;
  }
  template <typename... Arguments>
  PENSTOCK_DEVICE static bool Histogram(Arguments&&...) {
    return false;
  }
  template <typename... Arguments>
  PENSTOCK_DEVICE static bool Copy(Arguments&&...) {
    return false;
  }
  template <typename... Arguments>
  PENSTOCK_DEVICE static bool Fill(Arguments&&...) {
    return false;
  }
  template <typename... Arguments>
  PENSTOCK_DEVICE static bool Verify(Arguments&&...) {
    return false;
  }
};

}  // namespace penstock::device
