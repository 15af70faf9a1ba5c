// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace penstock {
namespace {

TEST(LatencyHistogram, IsEmptyAtFirst) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.Percentile(0.5), 0u);
  EXPECT_EQ(histogram.max_ns(), 0u);
  EXPECT_EQ(histogram.mean_ns(), 0);
  EXPECT_EQ(histogram.min_ns(), 0u);
}

TEST(LatencyHistogram, GivesPercentilesWithinEightTenthsOfAPercentAbove) {
  constexpr uint32_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  std::lognormal_distribution<double> latency(12, 2);
  LatencyHistogram histogram;
  std::vector<uint64_t> samples;
  for (int i = 0; i < 100'000; ++i) {
    samples.push_back(static_cast<uint64_t>(latency(random)));
    histogram.Record(samples.back());
  }
  std::sort(samples.begin(), samples.end());
  EXPECT_EQ(histogram.max_ns(), samples.back());
  for (const double fraction : {0.0001, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const size_t rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
    const uint64_t exact = samples[std::max<size_t>(rank, 1) - 1];
    EXPECT_GE(histogram.Percentile(fraction), exact) << fraction;
    EXPECT_LE(static_cast<double>(histogram.Percentile(fraction)), 1.008 * static_cast<double>(exact) + 1) << fraction;
  }
}

TEST(LatencyHistogram, AddsAnothersSamplesAsIfTheyHadBeenItsOwn) {
  LatencyHistogram one;
  LatencyHistogram other;
  LatencyHistogram both;
  for (uint64_t value = 1; value < 100'000; value += 7) {
    (value % 2 == 0 ? one : other).Record(value);
    both.Record(value);
  }
  one.Add(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.min_ns(), 1);
  EXPECT_EQ(one.max_ns(), both.max_ns());
  EXPECT_EQ(one.mean_ns(), both.mean_ns());
  EXPECT_NEAR(one.mean_ns(), 50'000, 10);
  for (const double fraction : {0.01, 0.5, 0.99, 0.9999}) EXPECT_EQ(one.Percentile(fraction), both.Percentile(fraction));
}

TEST(LatencyHistogram, HoldsEveryValueThatAClockCanGive) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128}, uint64_t{255}, uint64_t{256},
                               uint64_t{1} << 40, std::numeric_limits<uint64_t>::max()}) {
    LatencyHistogram histogram;
    histogram.Record(value);
    EXPECT_EQ(histogram.Percentile(0.5), value) << "one sample is its own percentile";
  }
}

}  // namespace
}  // namespace penstock
