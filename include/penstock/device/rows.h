// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the lanes of a workgroup share a range of bytes: in rows of neighbouring items, lane i of L taking item i, i + L, ... So
// one instruction of all lanes reads one stretch of memory, and a row is a few whole lines of the bus.
//
// Each lane starts kInFlight loads before it waits for the first. Across the bus a load takes 1.5 to 2 us, and what is in flight
// is the bandwidth times that: 55 GB/s want 110 KB, which is 7 workgroups of 256 lanes with 4 loads of 16 bytes each.
#pragma once

#include <utility>

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

namespace rows_internal {

// As many items, `step` apart, as there are in the pack: all loads are started, then each is visited. A pack, not a loop, so that
// no compiler keeps what is loaded in an array.
template <u32... kRow, typename Load, typename Visit>
PENSTOCK_DEVICE bool VisitAtOnce(std::integer_sequence<u32, kRow...>, u32 at, u32 step, Load load, Visit visit) {
  const decltype(load(at)) loaded[] = {load(at + kRow * step)...};
  return (visit(at + kRow * step, loaded[kRow]) && ...);
}

// The same again and again, as long as there are enough items. False when nothing is left to do.
template <u32 kCount, typename Load, typename Visit>
PENSTOCK_DEVICE bool VisitBy(Share& left, Load load, Visit visit) {
  constexpr std::make_integer_sequence<u32, kCount> kRows = {};
  while (left.count - left.first > (kCount - 1) * left.step) {
    if (!VisitAtOnce(kRows, left.first, left.step, load, visit)) return false;
    if (left.count - left.first <= kCount * left.step) return false;
    left.first += kCount * left.step;
  }
  return true;
}

}  // namespace rows_internal

/// Calls `visit(item, load(item))` for each item of the share, in order, until it returns false. `load` runs ahead of `visit`.
template <typename Load, typename Visit>
PENSTOCK_DEVICE void ForEachItem(const Share& share, Load load, Visit visit) {
  if (share.first >= share.count) return;
  Share left = share;
  if (!rows_internal::VisitBy<kInFlight>(left, load, visit)) return;
  if (!rows_internal::VisitBy<2>(left, load, visit)) return;
  rows_internal::VisitBy<1>(left, load, visit);
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
  /// The number of an edge's byte: the head's first, then the tail's.
  PENSTOCK_DEVICE u32 EdgeIndex(u32 offset) const { return offset < head_bytes ? offset : offset - OffsetOf(items) + head_bytes; }
};

}  // namespace penstock::device
