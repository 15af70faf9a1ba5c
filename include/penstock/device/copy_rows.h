// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two ranges of bytes that the lanes go over side by side, by the largest items that are aligned in both.
#pragma once

#include "penstock/device/rows.h"

namespace penstock::device {

/// Calls `by.template operator()<Item>()` with the largest item to which two addresses are aligned alike.
template <typename By>
PENSTOCK_DEVICE void WithCommonItem(const u8* a, const u8* b, By by) {
  const u64 apart = reinterpret_cast<u64>(a) ^ reinterpret_cast<u64>(b);
  if (apart % sizeof(Vector) == 0) {
    by.template operator()<Vector>();
  } else if (apart % sizeof(u32) == 0) {
    by.template operator()<u32>();
  } else {
    by.template operator()<u8>();
  }
}

/// Copies by all lanes. The two must not overlap. Does not wait for the stores.
PENSTOCK_DEVICE void CopyRows(const Group& group, u8* target, u8* source, u32 length) {
  WithCommonItem(target, source, [&]<typename Item>() {
    const Rows<Item> rows = Rows<Item>::Of(source, length);
    ForEachItem(
        Share::Of(group, rows.items), [&](u32 item) { return rows.Load(item); },
        [&](u32 item, const Item& loaded) {
          StoreBuffer<Item>(target + rows.OffsetOf(item), loaded);
          return true;
        });
    rows.ForEachEdgeByte(group, [&](u32 offset) { StoreBuffer<u8>(target + offset, LoadBuffer<u8>(source + offset)); });
  });
}

}  // namespace penstock::device
