// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A short pattern in memory of the workgroup: it is read again and again, and may lie across the bus.
#pragma once

#include "penstock/device/pattern.h"
#include "penstock/device/rows.h"

namespace penstock::device {

class StagedPattern {
 public:
  static constexpr u32 kMaxBytes = 8192;

  // The pattern lies in it as it lies in its buffer, modulo 16, and its first bytes follow once more: so what repeats can be read
  // across its end, and by whole words.
  struct Scratch {
    Vector vector[kMaxBytes / kVectorBytes + 3];
  };

  /// Whether the pattern fits, and repeats: otherwise it is as well read where it is.
  PENSTOCK_DEVICE static bool IsWorthIt(const PatternedBytes& range) {
    return range.pattern_length <= kMaxBytes && range.pattern_length < range.length;
  }

  /// Fetches the pattern; every lane calls it. Requires: IsWorthIt(range).
  PENSTOCK_DEVICE StagedPattern(Group& group, const PatternedBytes& range, Scratch& scratch)
      : words_(scratch.vector[0].word),
        skew_(static_cast<u32>(reinterpret_cast<u64>(range.pattern) % kVectorBytes)),
        length_(range.pattern_length),
        phase_(range.phase) {
    u8* bytes = reinterpret_cast<u8*>(scratch.vector) + skew_;
    const Rows<Vector> rows = Rows<Vector>::Of(range.pattern, length_);
    ForEachItem(
        Share::Of(group, rows.items), [&](u32 item) { return rows.Load(item); },
        [&](u32 item, const Vector& vector) {
          scratch.vector[(skew_ + rows.OffsetOf(item)) / kVectorBytes] = vector;
          return true;
        });
    rows.ForEachEdgeByte(group, [&](u32 offset) { bytes[offset] = LoadBuffer<u8>(rows.data + offset); });
    group.Barrier();
    for (u32 i = group.lane(); i < kVectorBytes; i += group.lane_count()) bytes[length_ + i] = bytes[i % length_];
    group.Barrier();
  }

  /// What belongs at an offset of the range.
  template <typename Item>
  PENSTOCK_DEVICE Item At(u32 offset) const {
    u32 at = phase_ + offset % length_;
    if (at >= length_) at -= length_;
    at += skew_;
    if constexpr (sizeof(Item) == kVectorBytes) {
      return {Word(at), Word(at + 4), Word(at + 8), Word(at + 12)};
    } else {
      return static_cast<Item>(Word(at));
    }
  }

 private:
  // The word that starts at any byte.
  PENSTOCK_DEVICE u32 Word(u32 at) const {
    const u64 both = layout::JoinWords(words_[at / 4], words_[at / 4 + 1]);
    return static_cast<u32>(both >> (at % 4 * 8));
  }

  const u32* words_;
  u32 skew_;
  u32 length_;
  u32 phase_;
};

}  // namespace penstock::device
