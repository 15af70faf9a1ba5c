// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CRC-32C as an ordinary kernel: launched for a chunk in the GPU's memory, gone when it is done.
#pragma once

#include "hip/gpu_api.h"
#include "penstock/layout/target.h"

namespace penstock::bench {

inline constexpr u32 kCrcStripeBytes = 64;  // of a lane
inline constexpr u32 kCrcLanes = 256;       // of a workgroup
inline constexpr u32 kCrcPieceBytes = kCrcStripeBytes * kCrcLanes;

inline constexpr u32 kCrcTables = 4;
inline constexpr u32 kCrcTableWords = kCrcTables * 256;

/// What the kernel looks up, all in the GPU's memory.
struct CrcTables {
  const u32* by_byte;  // kCrcTableWords: four bytes at a time
  const u32* shift;    // for each stripe of a chunk, what the bytes after it multiply its CRC by
};

/// Leaves in `pieces` (a word for each kCrcPieceBytes of the chunk) words whose sum modulo 2 is the chunk's remainder: its CRC
/// with nothing inverted before or after. Requires: `length_bytes` is a multiple of kCrcPieceBytes.
void LaunchCrc32c(hipStream_t stream, const CrcTables& tables, const u8* bytes, u32 length_bytes, u32* pieces);

}  // namespace penstock::bench
