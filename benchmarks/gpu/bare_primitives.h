// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Single operations of a GPU that a protocol is made of, timed by the GPU's clock.
#pragma once

#include "hip/gpu_api.h"
#include "penstock/layout/target.h"

namespace penstock::bench {

inline constexpr u32 kPrimitiveRounds = 1000;  // of one launch
inline constexpr u32 kWordsPerLine = layout::kLineBytes / sizeof(u32);

/// Memory that primitives act on. A chain is lines of 64 bytes; every word of one holds the next line's index.
struct PrimitiveMemory {
  u32* pinned_chain;
  u32* device_chain;
  u32* pinned_word;
  u32* device_word;
};

struct PrimitiveTime {
  u64 ticks;  // of all rounds
  u32 last;   // kept, so that the loop is not taken for useless
};

struct Primitive {
  const char* name;
  u32 workgroups;
  u32 lanes;
  void (*kernel)(PrimitiveMemory memory, PrimitiveTime* time);
};

/// The table; `count` gets its length.
const Primitive* Primitives(u32& count);
void LaunchPrimitive(hipStream_t stream, const Primitive& primitive, const PrimitiveMemory& memory, PrimitiveTime* time);
u64 GpuTicksPerSecond();

}  // namespace penstock::bench
