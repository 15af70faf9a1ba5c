// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a workgroup of one lane does in a CPU's way: through the C library and ISA-L, which know the processor's instructions.
// Included by cpu_group.h.
#pragma once

#include <cstring>

#include "penstock/device/pattern.h"
#include "penstock/export.h"
#include "penstock/layout/data_op.h"

namespace penstock::device {

/// CRC-32C of `length` bytes that follow bytes with CRC `crc` (0 at the start).
PENSTOCK_API u32 ExtendCrc32c(u32 crc, const u8* bytes, u64 length);

/// Each function does the whole, and returns true, if the workgroup has one lane; otherwise it does nothing.
class OneLane {
 public:
  template <typename Group>
  static bool Crc32c(const Group& group, const u8* bytes, u32 length, u32& crc) {
    if (group.lane_count() != 1) return false;
    crc = ExtendCrc32c(0, bytes, length);
    return true;
  }

  template <typename Group>
  static bool Histogram(const Group& group, const u8* bytes, u32 length, u32* counts) {
    if (group.lane_count() != 1) return false;
    CountBytes(bytes, length, counts);
    return true;
  }

  template <typename Group>
  static bool Copy(const Group& group, u8* target, const u8* source, u32 length) {
    if (group.lane_count() != 1) return false;
    std::memcpy(target, source, length);
    return true;
  }

  template <typename Group>
  static bool Fill(const Group& group, const PatternedBytes& range) {
    if (group.lane_count() != 1) return false;
    ForEachPiece(range, [&](u32 at, const u8* source, u32 length) {
      std::memmove(range.bytes + at, source, length);
      return true;
    });
    return true;
  }

  /// `first`: where they first differ, or layout::kNoDifference.
  template <typename Group>
  static bool Verify(const Group& group, const PatternedBytes& range, u64& first) {
    if (group.lane_count() != 1) return false;
    first = layout::kNoDifference;
    ForEachPiece(range, [&](u32 at, const u8* expected, u32 length) {
      first = FirstDifference(range.bytes + at, expected, length);
      if (first != layout::kNoDifference) first += at;
      return first == layout::kNoDifference;
    });
    return true;
  }

 private:
  static void CountBytes(const u8* bytes, u32 length, u32* counts) {
    constexpr u32 kTables = 4;  // so that a run of equal bytes does not wait for its own last increment
    u32 count[kTables][layout::kHistogramBins] = {};
    u32 at = 0;
    for (; length - at >= 8; at += 8) {
      u64 word;
      std::memcpy(&word, bytes + at, sizeof(word));
      for (u32 i = 0; i < 8; ++i, word >>= 8) ++count[i % kTables][word & 0xFF];
    }
    for (; at < length; ++at) ++count[0][bytes[at]];
    for (u32 bin = 0; bin < layout::kHistogramBins; ++bin) {
      counts[bin] = count[0][bin] + count[1][bin] + count[2][bin] + count[3][bin];
    }
  }

  // Calls `visit(offset in the range, what belongs there, length)` piece by piece until it returns false. After one period what
  // was visited is itself what belongs further on: so a short pattern makes no short pieces.
  template <typename Visit>
  static void ForEachPiece(const PatternedBytes& range, Visit visit) {
    const u32 end = range.length;
    u32 done = 0;
    u32 at = range.phase;
    for (u32 left = range.pattern_length; left > 0 && done < end; at = 0) {
      const u32 piece = Least(end - done, Least(left, range.pattern_length - at));
      if (!visit(done, range.pattern + at, piece)) return;
      done += piece;
      left -= piece;
    }
    constexpr u32 kEnoughBytes = 4096;  // stays in the nearest cache
    for (u32 known = range.pattern_length; done < end;) {
      const u32 piece = Least(end - done, known);
      if (!visit(done, range.bytes, piece)) return;
      done += piece;
      if (known < kEnoughBytes) known *= 2;
    }
  }

  static u64 FirstDifference(const u8* bytes, const u8* expected, u32 length) {
    if (std::memcmp(bytes, expected, length) == 0) return layout::kNoDifference;
    // Bounded, although they differ: somebody may be writing the buffer meanwhile.
    for (u32 i = 0; i < length; ++i) {
      if (bytes[i] != expected[i]) return i;
    }
    return layout::kNoDifference;
  }

  static u32 Least(u32 a, u32 b) { return a < b ? a : b; }
};

}  // namespace penstock::device
