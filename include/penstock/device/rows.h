// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the lanes of a workgroup share a range of bytes: in rows of neighbouring items, lane i of L taking item i, i + L, ... So
// one instruction of all lanes reads one stretch of memory, and a row is a few whole lines of the bus.
//
// Each lane starts kInFlight loads before it waits for the first. Across the bus a load takes 1.5 to 2 us, and what is in flight
// is the bandwidth times that: 55 GB/s want 110 KB, which is 7 workgroups of 256 lanes with 4 loads of 16 bytes each.
#pragma once

#include "penstock/device/group.h"

namespace penstock::device {

inline constexpr u32 kInFlight = 4;

/// The items of `count` that a lane takes: first, first + step, ...
struct Share {
  u32 first;
  u32 step;
  u32 count;

  PENSTOCK_DEVICE static Share Of(const Group& group, u32 count) { return {group.lane(), group.lane_count(), count}; }
};

/// Calls `visit(item, load(item))` for each item of the share, in order, until it returns false. `load` is called ahead of
/// `visit`, also for items that are not visited then, and never for an item outside.
template <typename Load, typename Visit>
PENSTOCK_DEVICE void ForEachItem(const Share& share, Load load, Visit visit) {
  if (share.first >= share.count) return;
  u32 at = share.first;
  for (u32 left = share.count - at;; at += kInFlight * share.step, left -= kInFlight * share.step) {
    decltype(load(at)) loaded[kInFlight];
    for (u32 i = 0; i < kInFlight; ++i) loaded[i] = load(i * share.step < left ? at + i * share.step : at);
    for (u32 i = 0; i < kInFlight; ++i) {
      if (i * share.step < left && !visit(at + i * share.step, loaded[i])) return;
    }
    if (left <= kInFlight * share.step) return;
  }
}

/// A range of bytes as items of one size, each aligned to it, and the edges: the bytes before the first and behind the last.
template <typename Item>
struct Rows {
  u8* data;
  u32 head_bytes;
  u32 items;
  u32 tail_bytes;

  PENSTOCK_DEVICE static Rows Of(u8* data, u32 length) {
    const u32 to_aligned = static_cast<u32>(-reinterpret_cast<u64>(data)) % sizeof(Item);
    const u32 head = to_aligned < length ? to_aligned : length;
    return {data, head, static_cast<u32>((length - head) / sizeof(Item)), static_cast<u32>((length - head) % sizeof(Item))};
  }

  /// Where in the range an item, and the byte behind the last one, starts.
  PENSTOCK_DEVICE u32 OffsetOf(u32 item) const { return head_bytes + static_cast<u32>(item * sizeof(Item)); }
  PENSTOCK_DEVICE Item Load(u32 item) const { return LoadBuffer<Item>(data + OffsetOf(item)); }

  /// Calls `visit(offset in the range)` for the bytes of the edges that this lane takes.
  template <typename Visit>
  PENSTOCK_DEVICE void ForEachEdgeByte(const Group& group, Visit visit) const {
    for (u32 i = group.lane(); i < head_bytes + tail_bytes; i += group.lane_count()) {
      visit(i < head_bytes ? i : i - head_bytes + OffsetOf(items));
    }
  }
};

}  // namespace penstock::device
