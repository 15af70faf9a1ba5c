// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/gpu/bare_primitives.h"

#include "benchmarks/gpu/gpu_run.h"
#include "penstock/device/group.h"
#include "penstock/layout/atomic.h"

namespace penstock::bench {
namespace {

using device::Group;
using layout::Scope;

// A primitive takes what the one before returned, and returns what the next one gets: each depends on the one before, or the
// loop would time how many fit into flight.

struct NothingAtAll {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) { return previous; }
};

struct ClockRead {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) { return previous + static_cast<u32>(Group::Ticks()); }
};

struct PinnedLoad {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 line) {
    return layout::LoadRelaxed<Scope::kSystem>(&memory.pinned_chain[line * kWordsPerLine + Group().lane()]);
  }
};

struct PinnedLoadAcquire {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 line) {
    return layout::LoadAcquire<Scope::kSystem>(&memory.pinned_chain[line * kWordsPerLine]);
  }
};

struct PinnedLoadThenAcquire {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 line) {
    const u32* word = &memory.pinned_chain[line * kWordsPerLine];
    const u32 next = layout::LoadRelaxed<Scope::kSystem>(word);
    layout::AcquireAfter<Scope::kSystem>(word);
    return next;
  }
};

struct DeviceLoad {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 line) {
    return layout::LoadRelaxed<Scope::kDevice>(&memory.device_chain[line * kWordsPerLine]);
  }
};

struct DeviceLoadAcquire {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 line) {
    return layout::LoadAcquire<Scope::kDevice>(&memory.device_chain[line * kWordsPerLine]);
  }
};

template <Scope S>
struct Acquire {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    layout::AcquireAfter<S>(memory.device_word);
    return previous;
  }
};

template <Scope S>
struct PinnedStoreThenAcquire {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    layout::StoreRelaxed<Scope::kSystem>(memory.pinned_word, previous);
    layout::AcquireAfter<S>(memory.pinned_word);
    return previous + 1;
  }
};

// What the compiler makes of an acquire or release fence is for it to say: with nvcc 13 a fence.sc. These are the weaker ones.
#if defined(__CUDACC__)
PENSTOCK_DEVICE void WeakSystemFence() { asm volatile("fence.acq_rel.sys;" ::: "memory"); }
PENSTOCK_DEVICE void WeakDeviceFence() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }
#else
PENSTOCK_DEVICE void WeakSystemFence() { __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, ""); }
PENSTOCK_DEVICE void WeakDeviceFence() { __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, "agent"); }
#endif

struct SystemFence {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) {
    WeakSystemFence();
    return previous;
  }
};

struct DeviceFence {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) {
    WeakDeviceFence();
    return previous;
  }
};

struct PinnedStoreThenSystemFence {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    layout::StoreRelaxed<Scope::kSystem>(memory.pinned_word, previous);
    WeakSystemFence();
    return previous + 1;
  }
};

struct PinnedStoreRelaxed {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    layout::StoreRelaxed<Scope::kSystem>(memory.pinned_word, previous);
    return previous + 1;
  }
};

struct PinnedStoreRelease {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    layout::StoreRelease<Scope::kSystem>(memory.pinned_word, previous);
    return previous + 1;
  }
};

struct DeviceStoreRelease {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    layout::StoreRelease<Scope::kDevice>(memory.device_word, previous);
    return previous + 1;
  }
};

struct FetchAddAcqRel {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    return layout::FetchAdd<Scope::kDevice>(memory.device_word, 1 + (previous & 1));
  }
};

struct FetchAddUnordered {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    return layout::FetchAdd<Scope::kDevice, layout::Order::kRelaxed>(memory.device_word, 1 + (previous & 1));
  }
};

struct CompareExchangeAcqRel {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory& memory, u32 previous) {
    u32 expected = previous;
    return layout::CompareExchange<Scope::kDevice>(memory.device_word, expected, previous + 1) ? previous + 1 : expected;
  }
};

struct WorkgroupBarrier {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) {
    Group().Barrier();
    return previous;
  }
};

struct ShortSleep {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) {
    device::SpinPause();
    return previous;
  }
};

struct LongSleep {
  PENSTOCK_DEVICE static u32 Run(const PrimitiveMemory&, u32 previous) {
    device::gpu::SleepOnce();
    return previous;
  }
};

// Every lane runs the primitive kPrimitiveRounds times; the leader of workgroup 0 says how long that took.
template <typename Timed>
PENSTOCK_KERNEL void PrimitiveKernel(PrimitiveMemory memory, PrimitiveTime* time) {
  const Group group;
  u32 value = 0;
#pragma unroll 1
  for (u32 i = 0; i < 8; ++i) value = Timed::Run(memory, value);  // caches and translations
  const u64 begin = Group::Ticks();
#pragma unroll 1
  for (u32 i = 0; i < kPrimitiveRounds; ++i) value = Timed::Run(memory, value);
  const u64 end = Group::Ticks();
  if (group.workgroup() == 0 && group.IsLeader()) *time = {end - begin, value};
}

const Primitive kPrimitives[] = {
    {"empty_loop", 1, 1, &PrimitiveKernel<NothingAtAll>},
    {"clock_read", 1, 1, &PrimitiveKernel<ClockRead>},
    {"pinned_load_relaxed", 1, 1, &PrimitiveKernel<PinnedLoad>},
    {"pinned_load_of_a_line_by_16_lanes", 1, kWordsPerLine, &PrimitiveKernel<PinnedLoad>},
    {"pinned_load_acquire", 1, 1, &PrimitiveKernel<PinnedLoadAcquire>},
    {"pinned_load_relaxed_then_acquire_after", 1, 1, &PrimitiveKernel<PinnedLoadThenAcquire>},
    {"device_load_relaxed", 1, 1, &PrimitiveKernel<DeviceLoad>},
    {"device_load_acquire", 1, 1, &PrimitiveKernel<DeviceLoadAcquire>},
    {"acquire_after_system", 1, 1, &PrimitiveKernel<Acquire<Scope::kSystem>>},
    {"acquire_after_device", 1, 1, &PrimitiveKernel<Acquire<Scope::kDevice>>},
    {"fence_acq_rel_system", 1, 1, &PrimitiveKernel<SystemFence>},
    {"fence_acq_rel_device", 1, 1, &PrimitiveKernel<DeviceFence>},
    {"pinned_store_then_acquire_after_system", 1, 1, &PrimitiveKernel<PinnedStoreThenAcquire<Scope::kSystem>>},
    {"pinned_store_then_acquire_after_device", 1, 1, &PrimitiveKernel<PinnedStoreThenAcquire<Scope::kDevice>>},
    {"pinned_store_then_fence_acq_rel_system", 1, 1, &PrimitiveKernel<PinnedStoreThenSystemFence>},
    {"pinned_store_relaxed", 1, 1, &PrimitiveKernel<PinnedStoreRelaxed>},
    {"pinned_store_release", 1, 1, &PrimitiveKernel<PinnedStoreRelease>},
    {"device_store_release", 1, 1, &PrimitiveKernel<DeviceStoreRelease>},
    {"fetch_add_relaxed", 1, 1, &PrimitiveKernel<FetchAddUnordered>},
    {"fetch_add_acq_rel", 1, 1, &PrimitiveKernel<FetchAddAcqRel>},
    {"fetch_add_relaxed_by_132_workgroups", 132, 1, &PrimitiveKernel<FetchAddUnordered>},
    {"fetch_add_acq_rel_by_132_workgroups", 132, 1, &PrimitiveKernel<FetchAddAcqRel>},
    {"compare_exchange_acq_rel", 1, 1, &PrimitiveKernel<CompareExchangeAcqRel>},
    {"barrier_of_256_lanes", 1, device::kGpuLanes, &PrimitiveKernel<WorkgroupBarrier>},
    {"pause", 1, 1, &PrimitiveKernel<ShortSleep>},
    {"sleep_once", 1, 1, &PrimitiveKernel<LongSleep>},
};

}  // namespace

const Primitive* Primitives(u32& count) {
  count = sizeof(kPrimitives) / sizeof(kPrimitives[0]);
  return kPrimitives;
}

void LaunchPrimitive(hipStream_t stream, const Primitive& primitive, const PrimitiveMemory& memory, PrimitiveTime* time) {
  Launch(stream, {primitive.workgroups, primitive.lanes}, primitive.kernel, memory, time);
}

u64 GpuTicksPerSecond() { return Group::kTicksPerSecond; }

}  // namespace penstock::bench
