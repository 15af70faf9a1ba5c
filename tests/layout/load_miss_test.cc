// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/load_miss.h"

#include <gtest/gtest.h>

namespace penstock::layout {
namespace {

TEST(LoadMiss, IsPublishedOfTenantZeroWithResourceAndFlag) {
  const Slot slot = EncodeLoadMiss({.resource_id = 77, .prefetch = true});
  EXPECT_EQ(slot.word[0], kPublished);
  EXPECT_EQ(slot.word[1], kLoadMiss);
  EXPECT_EQ(slot.word[2], 0u);
  EXPECT_EQ(slot.word[3], 2u);
  EXPECT_EQ(slot.word[4], 77u);
  EXPECT_EQ(slot.word[5], 1u);
  for (u32 i = 6; i < kSlotWords; ++i) EXPECT_EQ(slot.word[i], 0u) << i;
}

TEST(LoadMiss, RoundTrips) {
  for (const u32 resource_id : {0u, 1u, 0x80000000u, ~0u}) {
    for (const bool prefetch : {false, true}) {
      LoadMiss miss{};
      ASSERT_TRUE(DecodeLoadMiss(EncodeLoadMiss({resource_id, prefetch}), miss));
      EXPECT_EQ(miss.resource_id, resource_id);
      EXPECT_EQ(miss.prefetch, prefetch);
    }
  }
}

TEST(LoadMiss, RefusesEverySlotThatIsNoneAndLeavesTheOutputAlone) {
  const Slot good = EncodeLoadMiss({.resource_id = 5, .prefetch = false});
  const struct {
    u32 word;
    u32 value;
  } changes[] = {{kStatusWord, kEmpty},  {kStatusWord, kClaimed},      {kStatusWord, kDone}, {kStatusWord, ~0u},
                 {kOpcodeWord, kNop},    {kOpcodeWord, kLoadMiss + 1}, {kTenantWord, 1},     {kTenantWord, ~0u},
                 {kArgumentWord + 1, 2}, {kArgumentWord + 1, ~0u}};
  for (const auto& change : changes) {
    Slot slot = good;
    slot.word[change.word] = change.value;
    LoadMiss miss{.resource_id = 123, .prefetch = true};
    EXPECT_FALSE(DecodeLoadMiss(slot, miss)) << "word " << change.word << " = " << change.value;
    EXPECT_EQ(miss.resource_id, 123u);
    EXPECT_TRUE(miss.prefetch);
  }
}

}  // namespace
}  // namespace penstock::layout
