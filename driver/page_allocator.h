// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Hands out parts of one stretch of memory, by offset: whole pages, each request at the first place where it fits.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace penstock::driver {

/// Threads: any.
class PageAllocator {
 public:
  /// Of `bytes`, rounded down to whole pages.
  explicit PageAllocator(uint64_t bytes);

  /// The offset of `bytes` in a row, rounded up to whole pages; nothing if there is no such place. Requires: bytes > 0.
  std::optional<uint64_t> Take(uint64_t bytes);
  /// Requires: `offset_bytes` came from Take, and has not been returned since.
  void Return(uint64_t offset_bytes);
  /// What Take could give at most.
  uint64_t LargestFreeBytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<uint64_t, uint64_t> free_;   // first byte, past the last byte; no two of them touch
  std::map<uint64_t, uint64_t> taken_;  // the same
};

}  // namespace penstock::driver
