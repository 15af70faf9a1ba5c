// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory that this process and the emulator's have at the same address: what is pinned memory and device memory to a GPU.
#pragma once

#include <cstddef>

#include "absl/types/span.h"
#include "penstock/layout/target.h"

namespace penstock {

/// Threads: one at a time.
class SharedArena {
 public:
  static constexpr size_t kBytes = size_t{64} << 20;

  /// Ends the program if the memory cannot be had.
  SharedArena();
  ~SharedArena();
  SharedArena(const SharedArena&) = delete;
  SharedArena& operator=(const SharedArena&) = delete;

  /// Zeroed memory, aligned to a page. It is there until Clear.
  absl::Span<std::byte> Allocate(size_t bytes);
  void Clear();

  bool Contains(absl::Span<const std::byte> bytes) const;
  int file() const { return file_; }
  u64 address() const { return reinterpret_cast<u64>(memory_); }

 private:
  int file_ = -1;
  std::byte* memory_ = nullptr;
  size_t used_ = 0;
};

}  // namespace penstock
