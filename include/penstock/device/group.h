// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The workgroup as the interpreter and handlers see it. What differs between the devices is in one header each; both define
// PENSTOCK_DEVICE, which marks a function of the megakernel, SpinPause, LoadBuffer and StoreBuffer, OneLane (what one lane does
// better alone) and Group:
//
//   workgroup(), lane(), lane_count(), IsLeader()   who this is
//   Barrier()                                       every lane of the workgroup meets
//   WaveLanes(), Ballot(vote), Uniform(value)       the lanes that run in step
//   LowestBit(bits), CountBits(bits)                what compilers name differently
//   Ticks(), CoarseTicks(), kTicksPerSecond         monotonic time
//   RingIoAlarm(alarm)                              wakes the host's I/O service where that can be done
//   kStaysPoller                                    whether who looks at the doorbell goes on looking
//   Idle(), Worked()                                the leader's backoff
//
// A source file is compiled for one of them: by a GPU compiler for its GPU, by any other for the CPU device.
#pragma once

#if defined(__CUDACC__) || defined(__HIP__)
#include "penstock/device/gpu_group.h"
#else
#include "penstock/device/cpu_group.h"
#endif

namespace penstock::device {

/// No workgroup of any device has more.
inline constexpr u32 kMaxLanes = 256;

}  // namespace penstock::device
