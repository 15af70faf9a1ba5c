// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// FENCE: a request that ends when every earlier one of its queue has.
#pragma once

#include <array>
#include <bit>

#include "penstock/layout/io_slot.h"

namespace penstock {

inline constexpr u64 IoSlotBit(u32 slot) { return u64{1} << slot; }

/// Of one queue. Slots are bits of a mask. Threads: one at a time.
class IoFences {
 public:
  bool empty() const { return waiting_ == 0; }

  /// Requires: `earlier` is not 0, nor has the slot's own bit.
  void Add(u32 slot, u64 earlier) {
    waiting_ |= IoSlotBit(slot);
    waits_for_[slot] = earlier;
  }

  /// The fences that end because `ended` have, and because those fences have.
  u64 Settle(u64 ended) {
    u64 settled = 0;
    while (ended != 0 && waiting_ != 0) {
      u64 next = 0;
      for (u64 left = waiting_; left != 0; left &= left - 1) {
        const auto slot = static_cast<u32>(std::countr_zero(left));
        waits_for_[slot] &= ~ended;
        if (waits_for_[slot] == 0) next |= IoSlotBit(slot);
      }
      waiting_ &= ~next;
      settled |= next;
      ended = next;
    }
    return settled;
  }

 private:
  u64 waiting_ = 0;
  std::array<u64, layout::kMaxIoSlots> waits_for_ = {};
};

}  // namespace penstock
