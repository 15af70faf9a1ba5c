// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The hardware's own figures that Penstock's are set beside. Each takes well under a second, but the ring, which takes two.
#pragma once

#include "benchmarks/gpu/distribution.h"
#include "penstock/layout/target.h"

namespace penstock::bench {

inline constexpr u64 kCopyBytes = 256ull << 20;  // what rates of copying are measured with

/// Which GPU this is.
Json DeviceJson();
/// One word each way through pinned memory: the floor of any conversation between host and GPU.
Json PingPong();
/// An empty kernel, from the call that launches it until the stream is known to be empty.
Json LaunchAndSynchronize();
/// Empty kernels, back to back in one stream.
double LaunchesPerSecond();
/// One word a slot each way, as many slots in flight as fit, one row for each number of workgroups; `stride_words`: 1 packs 16
/// slots into a line, 16 gives each its own.
Json BareRingRates(u32 stride_words);
/// Copies between pinned memory and the GPU, one row for each size of copy, all of them in a stream at once.
Json CopyRates();

}  // namespace penstock::bench
