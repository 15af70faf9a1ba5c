// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/chunk_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace penstock {
namespace {

std::vector<uint64_t> Listed(uint64_t count, std::optional<uint64_t> seed) {
  const ChunkOrder order(count, seed);
  std::vector<uint64_t> chunks(count);
  for (uint64_t place = 0; place < count; ++place) chunks[place] = order.At(place);
  return chunks;
}

TEST(ChunkOrder, IsThatOfTheBytesWithoutASeed) {
  std::vector<uint64_t> all(1000);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(Listed(1000, std::nullopt), all);
}

TEST(ChunkOrder, TakesEveryChunkOnceWhateverTheCount) {
  for (uint64_t count = 0; count < 300; ++count) {
    for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
      std::vector<uint64_t> chunks = Listed(count, seed);
      std::sort(chunks.begin(), chunks.end());
      for (uint64_t i = 0; i < count; ++i) ASSERT_EQ(chunks[i], i) << count << " chunks, seed " << seed;
    }
  }
}

TEST(ChunkOrder, IsTheSeedsAndHardlyEverGoesOnToTheNextChunk) {
  constexpr uint64_t kCount = 100'000;
  const std::vector<uint64_t> chunks = Listed(kCount, 7);
  EXPECT_EQ(chunks, Listed(kCount, 7));
  EXPECT_NE(chunks, Listed(kCount, 8));
  uint64_t neighbours = 0;
  uint64_t forwards = 0;
  for (uint64_t i = 1; i < kCount; ++i) {
    neighbours += chunks[i] == chunks[i - 1] + 1 ? 1 : 0;
    forwards += chunks[i] > chunks[i - 1] ? 1 : 0;
  }
  EXPECT_LT(neighbours, 20u);  // one is what chance gives
  EXPECT_NEAR(static_cast<double>(forwards) / kCount, 0.5, 0.02);
}

TEST(ChunkOrder, HoldsForMoreChunksThan32BitsCount) {
  const ChunkOrder order(uint64_t{1} << 45, 3);
  for (uint64_t place = 0; place < 1000; ++place) EXPECT_LT(order.At(place), uint64_t{1} << 45);
  EXPECT_NE(order.At(1) >> 32, order.At(2) >> 32);
}

}  // namespace
}  // namespace penstock
