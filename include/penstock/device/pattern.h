// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bytes beside a pattern that repeats over them.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::device {

/// Byte i of `bytes` belongs to byte (phase + i) % pattern_length of `pattern`. Requires: phase < pattern_length.
struct PatternedBytes {
  u8* bytes;
  u32 length;
  u8* pattern;
  u32 pattern_length;
  u32 phase;
};

}  // namespace penstock::device
