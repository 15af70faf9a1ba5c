// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What host and kernel agree on about the workgroups of a GPU.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::device {

/// Lanes of a workgroup: whole waves on every target, and enough 16-byte loads in flight for a few workgroups to fill the bus.
inline constexpr u32 kGpuLanes = 256;

/// Ticks of Group::Ticks() a second, where the GPU's runtime library does not say otherwise.
inline constexpr u64 kNvidiaTicksPerSecond = 1'000'000'000;
inline constexpr u64 kAmdTicksPerSecond = 100'000'000;

}  // namespace penstock::device
