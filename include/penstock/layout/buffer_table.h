// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table that gives buffer handles their meaning. It lives in device memory; a slot names a row, never an address.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

// Rights of a buffer.
inline constexpr u32 kBufferRead = 1u << 0;
inline constexpr u32 kBufferWrite = 1u << 1;      // the device may write it
inline constexpr u32 kBufferAutomaton = 1u << 2;  // holds an automaton that the host has validated; never writable

/// A buffer as the device sees it: a row of the table that RegisterBuffer fills.
struct BufferRow {
  u64 address;       // as the device sees it
  u64 length_bytes;  // 0: the row is free
  u32 rights;        // kBufferRead, kBufferWrite
  u32 generation;    // 1 to 65535; a handle carries the one it was made with
  u64 reserved;      // 0
};
static_assert(sizeof(BufferRow) == 32);

/// A handle is a row index (low 16 bits) and a generation (high 16 bits). 0 is never a valid handle.
inline constexpr u32 kMaxBuffers = 65536;
/// The handle of row `index` in its generation. Requires: both below 65536.
PENSTOCK_HOST_DEVICE constexpr u32 MakeHandle(u32 index, u32 generation) { return (generation << 16) | index; }
/// The row of a handle.
PENSTOCK_HOST_DEVICE constexpr u32 HandleIndex(u32 handle) { return handle & 0xFFFFu; }
/// The generation that a handle was made with: one that is not the row's is refused.
PENSTOCK_HOST_DEVICE constexpr u32 HandleGeneration(u32 handle) { return handle >> 16; }

}  // namespace penstock::layout
