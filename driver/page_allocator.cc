// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/page_allocator.h"

#include <algorithm>
#include <iterator>

#include "driver/rounding.h"
#include "penstock/check.h"

namespace penstock::driver {

PageAllocator::PageAllocator(uint64_t bytes) {
  const uint64_t whole_pages = RoundDown(bytes, kPageBytes);
  if (whole_pages > 0) free_.emplace(0, whole_pages);
}

std::optional<uint64_t> PageAllocator::Take(uint64_t bytes) {
  PENSTOCK_CHECK(bytes > 0);
  const std::lock_guard lock(mutex_);
  const auto place =
      std::find_if(free_.begin(), free_.end(), [bytes](const auto& extent) { return extent.second - extent.first >= bytes; });
  if (place == free_.end()) return std::nullopt;
  const auto [begin, end] = *place;
  const uint64_t taken_end = begin + RoundUp(bytes, kPageBytes);
  free_.erase(place);
  if (taken_end < end) free_.emplace(taken_end, end);
  taken_.emplace(begin, taken_end);
  return begin;
}

void PageAllocator::Return(uint64_t offset_bytes) {
  const std::lock_guard lock(mutex_);
  const auto taken = taken_.find(offset_bytes);
  PENSTOCK_CHECK(taken != taken_.end());
  auto [begin, end] = *taken;
  taken_.erase(taken);
  auto next = free_.lower_bound(begin);
  if (next != free_.end() && next->first == end) {
    end = next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin() && std::prev(next)->second == begin) {
    std::prev(next)->second = end;
  } else {
    free_.emplace(begin, end);
  }
}

uint64_t PageAllocator::LargestFreeBytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t largest = 0;
  for (const auto& [begin, end] : free_) largest = std::max(largest, end - begin);
  return largest;
}

}  // namespace penstock::driver
