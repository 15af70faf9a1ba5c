// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A first-in-first-out queue of fixed capacity that never allocates after construction.
#pragma once

#include <cstddef>
#include <vector>

#include "penstock/check.h"

namespace penstock::driver {

/// Threads: not safe; the user's lock.
template <typename T>
class FixedFifo {
 public:
  explicit FixedFifo(size_t capacity) : items_(capacity) {}

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == items_.size(); }
  size_t size() const { return size_; }

  /// Requires: not full.
  void Push(const T& item) {
    PENSTOCK_CHECK(size_ < items_.size());
    At(size_++) = item;
  }

  /// Requires: not empty.
  const T& front() const {
    PENSTOCK_CHECK(size_ > 0);
    return items_[first_];
  }

  /// Requires: not empty.
  T Pop() {
    PENSTOCK_CHECK(size_ > 0);
    const T item = items_[first_];
    first_ = (first_ + 1) % items_.size();
    --size_;
    return item;
  }

  /// Removes the first item for which `matches` is true; the others keep their order. False if there is none.
  template <typename Matches>
  bool Remove(Matches matches) {
    size_t at = 0;
    while (at < size_ && !matches(At(at))) ++at;
    if (at == size_) return false;
    for (; at + 1 < size_; ++at) At(at) = At(at + 1);
    --size_;
    return true;
  }

 private:
  T& At(size_t position) { return items_[(first_ + position) % items_.size()]; }

  std::vector<T> items_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace penstock::driver
