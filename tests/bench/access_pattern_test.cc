// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which blocks are read, how often, and in which order.
#include "benchmarks/bench/access_pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "benchmarks/bench/zipf.h"

namespace penstock::bench {
namespace {

constexpr uint32_t kBlock = 4096;

Job JobOf(Access access) {
  Job job;
  job.access = access;
  return job;
}

/// How often each block is read in `count` reads.
std::map<uint64_t, uint64_t> Counts(AccessPattern& pattern, uint64_t count) {
  std::map<uint64_t, uint64_t> counts;
  for (uint64_t i = 0; i < count; ++i) ++counts[pattern.Next().offset_bytes];
  return counts;
}

TEST(AccessPattern, ReadsOneBlockAfterTheOtherAndStartsAgain) {
  AccessPattern pattern(JobOf(Access::kRead), 0, {{{.offset_bytes = 8192, .length_bytes = 3 * kBlock}}});
  for (const uint64_t block : {0, 1, 2, 0, 1}) {
    const AccessPattern::Read read = pattern.Next();
    EXPECT_EQ(read.offset_bytes, 8192 + block * kBlock);
    EXPECT_EQ(read.length_bytes, kBlock);
  }
}

TEST(AccessPattern, StartsTheJobsEquallyFarApart) {
  Job job = JobOf(Access::kRead);
  job.numjobs = 4;
  for (uint32_t lane = 0; lane < 4; ++lane) {
    AccessPattern pattern(job, lane, {{{.offset_bytes = 0, .length_bytes = 40 * kBlock}}});
    EXPECT_EQ(pattern.Next().offset_bytes, lane * 10 * kBlock);
  }
}

TEST(AccessPattern, TakesVolumesInTurn) {
  const VolumePart part = {.offset_bytes = 0, .length_bytes = 10 * kBlock};
  AccessPattern pattern(JobOf(Access::kRead), 0, {{part, part, part}});
  for (const uint32_t volume : {0, 1, 2, 0, 1, 2}) EXPECT_EQ(pattern.Next().volume, volume);
}

TEST(AccessPattern, ReadsEachBlockAboutAsOftenAsAnyOther) {
  AccessPattern pattern(JobOf(Access::kRandRead), 0, {{{.offset_bytes = 0, .length_bytes = 100 * kBlock}}});
  const std::map<uint64_t, uint64_t> counts = Counts(pattern, 100'000);
  ASSERT_EQ(counts.size(), 100u);
  for (const auto& [offset, count] : counts) EXPECT_NEAR(static_cast<double>(count), 1000, 200) << offset;  // 6 deviations
}

TEST(AccessPattern, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const std::vector<VolumePart> parts = {{.offset_bytes = 0, .length_bytes = 1000 * kBlock}};
  Job job = JobOf(Access::kRandRead);
  AccessPattern one(job, 0, parts);
  AccessPattern same(job, 0, parts);
  AccessPattern other_lane(job, 1, parts);
  job.seed = 2;
  AccessPattern other_seed(job, 0, parts);
  uint32_t differing = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t offset = one.Next().offset_bytes;
    EXPECT_EQ(same.Next().offset_bytes, offset);
    differing += other_lane.Next().offset_bytes != offset;
    differing += other_seed.Next().offset_bytes != offset;
  }
  EXPECT_GT(differing, 180u);
}

TEST(AccessPattern, StaysInsideItsPartWithSizesFromTo) {
  for (const Access access : {Access::kRead, Access::kRandRead}) {
    Job job = JobOf(access);
    job.max_block_bytes = 4 * kBlock;
    const VolumePart part = {.offset_bytes = 4 * kBlock, .length_bytes = 21 * kBlock + 100};
    AccessPattern pattern(job, 0, {{part}});
    std::set<uint32_t> lengths;
    std::set<uint64_t> ends;
    for (int i = 0; i < 10'000; ++i) {
      const AccessPattern::Read read = pattern.Next();
      ASSERT_GE(read.offset_bytes, part.offset_bytes);
      ASSERT_LE(read.offset_bytes + read.length_bytes, part.offset_bytes + part.length_bytes);
      ASSERT_EQ(read.offset_bytes % kBlock, 0u);
      lengths.insert(read.length_bytes);
      ends.insert(read.offset_bytes + read.length_bytes);
    }
    EXPECT_EQ(lengths, (std::set<uint32_t>{kBlock, 2 * kBlock, 3 * kBlock, 4 * kBlock}));
    EXPECT_EQ(*ends.rbegin(), 25 * kBlock) << "the last whole block is read too";
  }
}

/// Observed counts against the definition, rank by rank where there are enough of them to tell.
TEST(Zipf, GivesEachRankItsShare) {
  std::mt19937_64 random(7);
  for (const double theta : {0.5, 0.99, 1.0, 1.2, 2.5}) {
    SCOPED_TRACE(theta);
    constexpr uint64_t kRanks = 1000;
    constexpr double kDraws = 400'000;
    const Zipf zipf(kRanks, theta);
    std::vector<double> counts(kRanks);
    for (int i = 0; i < static_cast<int>(kDraws); ++i) ++counts.at(zipf.Next(random));
    double sum = 0;
    for (uint64_t rank = 1; rank <= kRanks; ++rank) sum += std::pow(static_cast<double>(rank), -theta);
    for (uint64_t rank = 1; rank <= kRanks; ++rank) {
      const double expected = kDraws * std::pow(static_cast<double>(rank), -theta) / sum;
      if (expected < 100) break;
      EXPECT_NEAR(counts[rank - 1], expected, 6 * std::sqrt(expected)) << "rank " << rank;
    }
  }
}

TEST(AccessPattern, ScattersTheBlocksThatZipfLikesBestAndReachesEachOfThem) {
  Job job = JobOf(Access::kRandRead);
  job.distribution.zipf_theta = 1.2;
  AccessPattern pattern(job, 0, {{{.offset_bytes = 0, .length_bytes = 50 * kBlock}}});
  const std::map<uint64_t, uint64_t> counts = Counts(pattern, 100'000);
  EXPECT_EQ(counts.size(), 50u);
  std::vector<std::pair<uint64_t, uint64_t>> by_count;
  for (const auto& [offset, count] : counts) by_count.emplace_back(count, offset / kBlock);
  std::sort(by_count.rbegin(), by_count.rend());
  const auto first = static_cast<int64_t>(by_count[0].second);
  const auto second = static_cast<int64_t>(by_count[1].second);
  EXPECT_GT(std::abs(first - second), 5) << "neighbours in rank are no neighbours on the volume";
  EXPECT_GT(by_count[0].first, 2 * by_count[1].first * 9 / 10) << "2^1.2 times as often";
}

}  // namespace
}  // namespace penstock::bench
