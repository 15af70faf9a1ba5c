// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The bytes that the host wrote on a guest's disks, computed anew: no read of the guest is needed to know what is right.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace penstock::guest {

/// The output function of SplitMix64, one step after the state `word`.
constexpr uint64_t Mix(uint64_t word) {
  word += 0x9E3779B97F4A7C15u;
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
  return word ^ (word >> 31);
}

/// The rule is told in disks.py, which writes the disks. Threads: any.
class DiskBytes {
 public:
  static constexpr size_t kUnitBytes = 4096;

  explicit DiskBytes(uint64_t seed) : seed_(seed) {}

  /// Where `seen` first differs from what lies at `offset_bytes` of the disk, as an offset on the disk; nothing if it does not.
  std::optional<uint64_t> FirstDifference(absl::Span<const std::byte> seen, uint64_t offset_bytes) const {
    std::byte unit[kUnitBytes];
    for (size_t done = 0; done < seen.size();) {
      const uint64_t offset = offset_bytes + done;
      const size_t within = offset % kUnitBytes;
      const size_t bytes = std::min(kUnitBytes - within, seen.size() - done);
      Unit(offset / kUnitBytes, unit);
      if (std::memcmp(unit + within, seen.data() + done, bytes) != 0) {
        return offset + (std::mismatch(unit + within, unit + within + bytes, seen.data() + done).first - (unit + within));
      }
      done += bytes;
    }
    return std::nullopt;
  }

  /// Puts what lies at `offset_bytes` of the disk into `memory`. Requires: the offset and the size are multiples of a unit.
  void Fill(absl::Span<std::byte> memory, uint64_t offset_bytes) const {
    for (size_t done = 0; done < memory.size(); done += kUnitBytes)
      Unit((offset_bytes + done) / kUnitBytes, memory.data() + done);
  }

  /// CRC-32C of what lies at `offset_bytes`, a bit at a time: nothing of the runtime's own code is in it.
  uint32_t Crc32c(uint64_t offset_bytes, uint64_t length_bytes) const {
    uint32_t crc = ~0u;
    std::byte unit[kUnitBytes];
    for (uint64_t offset = offset_bytes; offset < offset_bytes + length_bytes; ++offset) {
      if (offset == offset_bytes || offset % kUnitBytes == 0) Unit(offset / kUnitBytes, unit);
      crc ^= static_cast<uint32_t>(unit[offset % kUnitBytes]);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0x82F63B78u & -(crc & 1u));
    }
    return ~crc;
  }

 private:
  static constexpr size_t kTableBytes = 131072;
  static constexpr size_t kRestBytes = kUnitBytes - sizeof(uint64_t);

  static const std::byte* Table() {
    static const std::vector<uint64_t> words = [] {
      std::vector<uint64_t> mixed(kTableBytes / sizeof(uint64_t));
      for (size_t n = 0; n < mixed.size(); ++n) mixed[n] = Mix(n);
      return mixed;
    }();
    return reinterpret_cast<const std::byte*>(words.data());
  }

  void Unit(uint64_t number, std::byte* unit) const {
    const uint64_t word = Mix((seed_ << 32) + number);
    std::memcpy(unit, &word, sizeof(word));
    std::memcpy(unit + sizeof(word), Table() + word % (kTableBytes - kRestBytes), kRestBytes);
  }

  uint64_t seed_;
};

}  // namespace penstock::guest
