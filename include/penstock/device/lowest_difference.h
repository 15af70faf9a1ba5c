// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where two ranges first differ, as the lanes that compare them find it.
#pragma once

#include "penstock/device/group.h"
#include "penstock/device/vector.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

class LowestDifference {
 public:
  static constexpr u32 kNone = ~0u;  // no offset: a range has at most this many bytes

  /// `lowest`: a word shared by the lanes, kNone at first.
  PENSTOCK_DEVICE explicit LowestDifference(u32* lowest) : lowest_(lowest) {}

  PENSTOCK_DEVICE u32 Get() const { return layout::LoadRelaxed<layout::Scope::kWorkgroup>(lowest_); }

  /// Compares what is at an offset. False when nothing behind it is of interest any more.
  template <typename Item>
  PENSTOCK_DEVICE bool Compare(u32 offset, const Item& is, const Item& expected) const {
    if (offset >= Get()) return false;
    const u32 equal = EqualBytes(is, expected);
    if (equal == sizeof(Item)) return true;
    LowerTo(offset + equal);
    return false;
  }

 private:
  PENSTOCK_DEVICE void LowerTo(u32 offset) const {
    u32 lowest = Get();
    while (offset < lowest && !layout::CompareExchange<layout::Scope::kWorkgroup>(lowest_, lowest, offset)) {
    }
  }

  // How many bytes are equal before the first that is not.
  PENSTOCK_DEVICE static u32 EqualBytes(u8 a, u8 b) { return a == b ? 1 : 0; }
  PENSTOCK_DEVICE static u32 EqualBytes(u32 a, u32 b) {
    u32 equal = 0;
    for (u32 difference = a ^ b; equal < 4 && (difference & 0xFF) == 0; difference >>= 8) ++equal;
    return equal;
  }
  PENSTOCK_DEVICE static u32 EqualBytes(const Vector& a, const Vector& b) {
    u32 equal = 0;
    for (u32 i = 0; i < 4; ++i) {
      if (equal == 4 * i) equal += EqualBytes(a.word[i], b.word[i]);
    }
    return equal;
  }

  u32* lowest_;
};

}  // namespace penstock::device
