// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/io_latency/latency_split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

namespace penstock::io_latency {
namespace {

TEST(LatencySplit, GivesEachPartItsTime) {
  const auto split = SplitOf({.requested_ns = 100,
                              .service = {.taken_ns = 101, .started_ns = 103, .reaped_ns = 107, .told_ns = 115},
                              .resumed_ns = 131});
  ASSERT_TRUE(split.has_value());
  EXPECT_EQ(split->request_ns, 1u);
  EXPECT_EQ(split->service_ns, 2u + 8u) << "before the read and after it";
  EXPECT_EQ(split->device_io_ns, 4u);
  EXPECT_EQ(split->landing_seen_ns, 16u);
  EXPECT_EQ(split->total_ns(), 31u);
}

TEST(LatencySplit, AddsUpToTheTimeFromRequestToResumption) {
  constexpr uint32_t kSeed = 11;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 10'000; ++i) {
    std::array<u64, 6> at;
    for (u64& each : at) each = random() >> (random() % 64);
    std::sort(at.begin(), at.end());
    const auto split = SplitOf({at[0], {at[1], at[2], at[3], at[4]}, at[5]});
    ASSERT_TRUE(split.has_value());
    ASSERT_EQ(split->total_ns(), at[5] - at[0]) << "seed " << kSeed << ", sample " << i;
  }
}

TEST(LatencySplit, IsNoneIfAPartWasNotNotedOrClocksDoNotAgree) {
  const std::array<u64, 6> in_order = {10, 20, 30, 40, 50, 60};
  for (size_t late = 0; late + 1 < in_order.size(); ++late) {
    std::array<u64, 6> at = in_order;
    at[late] = at[late + 1] + 1;
    EXPECT_FALSE(SplitOf({at[0], {at[1], at[2], at[3], at[4]}, at[5]}).has_value()) << late;
  }
  EXPECT_FALSE(SplitOf({10, {}, 60}).has_value()) << "the service noted nothing";
}

TEST(SplitHistograms, HaveEveryPartOfEveryRequest) {
  const auto histograms = std::make_unique<SplitHistograms>();
  histograms->Record({.request_ns = 1, .service_ns = 2, .device_io_ns = 3, .landing_seen_ns = 4});
  histograms->Record({.request_ns = 3, .service_ns = 4, .device_io_ns = 5, .landing_seen_ns = 6});
  EXPECT_EQ(histograms->request.mean_ns(), 2);
  EXPECT_EQ(histograms->service.mean_ns(), 3);
  EXPECT_EQ(histograms->device_io.mean_ns(), 4);
  EXPECT_EQ(histograms->landing_seen.mean_ns(), 5);
  EXPECT_EQ(histograms->total.mean_ns(), 14);
  EXPECT_EQ(histograms->total.count(), 2u);
}

}  // namespace
}  // namespace penstock::io_latency
