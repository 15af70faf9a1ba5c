// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order in which a source's chunks are read.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

namespace penstock {

/// Sequential, or a random order in which every chunk comes once: a permutation that is computed place by place (a Feistel
/// network over the smallest even number of bits that holds the count, walked on where it leaves the range), so that it takes no
/// memory. The same seed and count give the same order. Threads: any.
class ChunkOrder {
 public:
  ChunkOrder() = default;
  ChunkOrder(uint64_t count, std::optional<uint64_t> seed)
      : count_(count), half_bits_((static_cast<uint64_t>(std::bit_width(count | 1)) + 1) / 2), seed_(seed) {}

  /// The chunk that is read after `place` others. Requires: place < count.
  uint64_t At(uint64_t place) const {
    if (!seed_.has_value()) return place;
    do {
      place = Permute(place);
    } while (place >= count_);
    return place;
  }

 private:
  static constexpr uint64_t kRounds = 4;

  uint64_t Permute(uint64_t place) const {
    const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
    uint64_t high = place >> half_bits_;
    uint64_t low = place & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t next = high ^ (Mix(low + *seed_ * kRounds + round) & mask);
      high = low;
      low = next;
    }
    return high << half_bits_ | low;
  }

  /// The output function of SplitMix64.
  static constexpr uint64_t Mix(uint64_t word) {
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
  }

  uint64_t count_ = 0;
  uint64_t half_bits_ = 1;
  std::optional<uint64_t> seed_ = std::nullopt;  // nothing: sequential
};

}  // namespace penstock
