// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/control.h"

#include <gtest/gtest.h>

namespace penstock::layout {
namespace {

TEST(Control, WordsHaveTheirFixedNumbers) {
  EXPECT_EQ(kControlShutdown, 0u);
  EXPECT_EQ(kControlDoneCount, 1u);
  EXPECT_EQ(kControlTenantTableStart, 2u);
  EXPECT_EQ(kControlTenantMasks, 3u);
  EXPECT_EQ(kControlTenantQuotas, 32u);
  EXPECT_EQ(kControlTenantFairness, 64u);
  EXPECT_EQ(kControlOpcodeCounters, 96u);
  EXPECT_EQ(kControlEpoch, 128u);
  EXPECT_EQ(kControlPartitionOffsets, 129u);
  EXPECT_EQ(kControlStarvation, 135u);
  EXPECT_EQ(kControlPriorityCounters, 136u);
  EXPECT_EQ(kControlUserWords, 160u);
  EXPECT_EQ(kControlMinWords, 160u);
}

TEST(Control, NoFieldReachesIntoTheNext) {
  EXPECT_EQ(kTenantCount, 29u);
  EXPECT_LE(kControlTenantMasks + kTenantCount, kControlTenantQuotas);
  EXPECT_LE(kControlTenantQuotas + 32, kControlTenantFairness);
  EXPECT_LE(kControlTenantFairness + 32, kControlOpcodeCounters);
  EXPECT_LE(kControlOpcodeCounters + kOpcodeCounterCount, kControlEpoch);
  EXPECT_LE(kControlPriorityCounters + kPriorityCount, kControlUserWords);
}

TEST(Control, CountersAreWholeLinesOf64BitWords) {
  EXPECT_EQ(sizeof(Counters) % kLineBytes, 0u);
  EXPECT_GE(sizeof(Counters), kCounterCount * sizeof(u64));
  EXPECT_EQ(offsetof(Counters, tenant) + sizeof(Counters::tenant), kCounterCount * sizeof(u64));
}

}  // namespace
}  // namespace penstock::layout
