// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rows by 32-bit handle with generation, which come and go while others use them.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "penstock/check.h"
#include "penstock/layout/buffer_table.h"

namespace penstock {

/// Users pin a row before they read it. Pinning counts first and looks at the generation then; closing takes the generation away
/// first and looks at the count then; both are sequentially consistent, so that one of the two sees the other. A row is written
/// only while it has no generation, when nobody reads it.
///
/// Threads: Pin and Unpin any; the others one at a time.
template <typename Row>
class IoTable {
 public:
  explicit IoTable(u32 capacity) : places_(std::make_unique<Place[]>(capacity)), capacity_(capacity) {
    PENSTOCK_CHECK(capacity <= layout::kMaxBuffers);
    free_.reserve(capacity);
    for (u32 index = capacity; index-- > 0;) free_.push_back(index);
  }

  u32 free_count() const { return static_cast<u32>(free_.size()); }

  /// The new row's handle. Requires: free_count() is not 0.
  u32 Add(const Row& row) {
    const u32 index = free_.back();
    free_.pop_back();
    Place& place = places_[index];
    place.row = row;
    place.handle = layout::MakeHandle(index, ++place.last_generation);
    place.generation.store(place.last_generation, std::memory_order_seq_cst);
    return place.handle;
  }

  /// The row of a handle that was added and not freed, whether closed or not; null for every other.
  Row* Find(u32 handle) {
    const u32 index = layout::HandleIndex(handle);
    return handle != 0 && index < capacity_ && places_[index].handle == handle ? &places_[index].row : nullptr;
  }

  /// From now on nobody pins it. Requires, like the following: Find(handle) is not null.
  void Close(u32 handle) { Of(handle).generation.store(0, std::memory_order_seq_cst); }
  bool IsPinned(u32 handle) const { return Of(handle).pins.load(std::memory_order_seq_cst) != 0; }

  /// The place may be used again, under the next generation; a place that has had them all never is. Requires: closed, not
  /// pinned.
  void Free(u32 handle) {
    Place& place = Of(handle);
    place.handle = 0;
    if (place.last_generation < kMaxGeneration) free_.push_back(layout::HandleIndex(handle));
  }

  /// The row, which stays as it is until Unpin; null if the handle names none that is open. Never blocks.
  const Row* Pin(u32 handle) {
    const u32 index = layout::HandleIndex(handle);
    const u32 generation = layout::HandleGeneration(handle);
    if (index >= capacity_ || generation == 0) return nullptr;
    Place& place = places_[index];
    place.pins.fetch_add(1, std::memory_order_seq_cst);
    if (place.generation.load(std::memory_order_seq_cst) == generation) return &place.row;
    Unpin(handle);
    return nullptr;
  }
  /// Requires: pinned.
  void Unpin(u32 handle) { Of(handle).pins.fetch_sub(1, std::memory_order_seq_cst); }

 private:
  static constexpr u32 kMaxGeneration = 65535;

  struct Place {
    std::atomic<u32> generation{0};  // 0: nobody may pin it
    std::atomic<u32> pins{0};
    u32 last_generation = 0;
    u32 handle = 0;  // 0: free
    Row row{};
  };

  Place& Of(u32 handle) const { return places_[layout::HandleIndex(handle)]; }

  std::unique_ptr<Place[]> places_;
  const u32 capacity_;
  std::vector<u32> free_;
};

}  // namespace penstock
