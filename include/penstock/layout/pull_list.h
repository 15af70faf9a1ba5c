// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What PULL works on: a list of extents in a registered buffer of host memory, and what became of each.
#pragma once

#include "penstock/layout/io_slot.h"
#include "penstock/layout/slot.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

/// Where some bytes lie. Writer of the first three: the host, before a PULL is published.
struct PullExtent {
  u64 offset_bytes;   // within the source
  u32 length_bytes;   // at most what a destination holds
  u32 source_handle;  // of the I/O service
  // Writer: the slot that pulled the extent, once.
  u32 landed_bytes;
  u32 cause;   // IoCause
  u32 crc32c;  // of the bytes that landed, if that was asked for and cause is 0
  u32 pulled;  // 1: the three above are filled in
};
static_assert(sizeof(PullExtent) == 32);

/// Argument words of PULL.
inline constexpr u32 kPullArguments = 10;

/// A slot's share is what it gets: PULLs of one list take the next extent from a counter that they have in common.
struct PullArguments {
  u32 list_handle;          // device buffer, readable and writable
  u64 list_offset_bytes;    // where the list begins in that buffer: at an address that is a multiple of 8
  u32 list_bytes;           // 32 an extent
  u32 buffer_handle;        // device buffer: where the slot's extents land, one after the other
  u64 buffer_offset_bytes;  // of the first one in that buffer
  u32 io_destination;       // the same bytes, as the I/O service names them
  u32 cursor_word;          // user word: extents that have been taken. 0 before the first PULL
  u32 wants_crc32c;         // 0 or 1
};

/// PULL's arguments from its argument words.
PENSTOCK_HOST_DEVICE constexpr PullArguments DecodePull(const u32* word) {
  return {word[0], JoinWords(word[1], word[2]), word[3], word[4], JoinWords(word[5], word[6]), word[7], word[8], word[9]};
}
/// Writes PULL's arguments into argument words 0 to 9.
PENSTOCK_HOST_DEVICE constexpr void EncodePull(const PullArguments& pull, u32* word) {
  word[0] = pull.list_handle;
  word[1] = LowWord(pull.list_offset_bytes);
  word[2] = HighWord(pull.list_offset_bytes);
  word[3] = pull.list_bytes;
  word[4] = pull.buffer_handle;
  word[5] = LowWord(pull.buffer_offset_bytes);
  word[6] = HighWord(pull.buffer_offset_bytes);
  word[7] = pull.io_destination;
  word[8] = pull.cursor_word;
  word[9] = pull.wants_crc32c;
}

}  // namespace penstock::layout
