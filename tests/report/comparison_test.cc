// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/comparison.h"

#include <gmock/gmock.h>

#include "tests/report/sample.h"

namespace penstock::report {
namespace {

std::vector<RunRecord> Loops(std::vector<double> iops, uint64_t depth = 8) {
  std::vector<RunRecord> runs;
  for (const double each : iops) runs.push_back(SampleRun("nvme", depth, each));
  return runs;
}

struct Pair {
  Pair(std::vector<RunRecord> before, std::vector<RunRecord> after)
      : results({SampleResult(std::move(before)), SampleResult(std::move(after))}) {
    points = PointsOf(results);
    size_t first = 0;
    while (first < points.size() && points[first].result == &results[0]) ++first;
    comparison = Compare(absl::MakeConstSpan(points).subspan(0, first), absl::MakeConstSpan(points).subspan(first));
  }
  std::vector<Result> results;
  std::vector<Point> points;
  Comparison comparison;
};

TEST(Comparison, AClearDifferenceIsBetterOrWorseByTheFiguresMeaning) {
  const Pair pair(Loops({100e3, 101e3, 99e3}), Loops({120e3, 121e3, 119e3}));
  ASSERT_EQ(pair.comparison.points.size(), 1);
  const ComparedPoint& point = pair.comparison.points[0];
  EXPECT_EQ(point.iops.before, 100e3);
  EXPECT_EQ(point.iops.after, 120e3);
  EXPECT_EQ(point.iops.finding, Finding::kBetter);
  EXPECT_EQ(point.p99_ns.finding, Finding::kBetter);
  EXPECT_LT(point.p99_ns.after, point.p99_ns.before);
  EXPECT_EQ(point.processor_ns.finding, Finding::kLevel);
  EXPECT_EQ(Pair(Loops({120e3, 121e3, 119e3}), Loops({100e3, 101e3, 99e3})).comparison.points[0].iops.finding, Finding::kWorse);
}

TEST(Comparison, FewerThanThreeRunsDecideNothing) {
  const Pair pair(Loops({100e3, 101e3}), Loops({220e3, 221e3, 219e3}));
  EXPECT_EQ(pair.comparison.points[0].iops.finding, Finding::kTooFewRuns);
  EXPECT_FALSE(pair.comparison.points[0].iops.p.has_value());
  EXPECT_EQ(pair.comparison.points[0].iops.runs_before, 2);
}

TEST(Comparison, ScatterIsNoDifference) {
  EXPECT_EQ(Pair(Loops({100e3, 140e3, 70e3}), Loops({110e3, 150e3, 80e3})).comparison.points[0].iops.finding, Finding::kLevel);
}

TEST(Comparison, GoesTheWayOfTheMeansThatWereTested) {
  // Medians of 100 and 90, means of 91 and 122.
  const Pair pair(Loops({50e3, 100e3, 101e3, 100e3, 100e3, 100e3, 50e3, 100e3, 100e3, 101e3}),
                  Loops({90e3, 90e3, 170e3, 90e3, 170e3, 90e3, 170e3, 90e3, 90e3, 170e3}));
  const Difference& iops = pair.comparison.points[0].iops;
  EXPECT_LT(iops.after, iops.before);
  EXPECT_EQ(iops.finding, Finding::kBetter);
}

TEST(Comparison, PercentilesOfNeighbouringBucketsAreLevel) {
  const auto with_p99 = [](double p99) {
    std::vector<RunRecord> runs = Loops({100e3, 101e3, 99e3});
    for (RunRecord& run : runs) run.total.p99 = p99;
    return runs;
  };
  EXPECT_EQ(Pair(with_p99(131071), with_p99(132095)).comparison.points[0].p99_ns.finding, Finding::kLevel);
  EXPECT_EQ(Pair(with_p99(131071), with_p99(133119)).comparison.points[0].p99_ns.finding, Finding::kWorse);
}

TEST(Comparison, ManyPointsNeedAClearerDifference) {
  const std::vector<double> before = {100e3, 101e3, 99e3};
  const std::vector<double> after = {103e3, 105e3, 104e3};
  EXPECT_EQ(Pair(Loops(before), Loops(after)).comparison.points[0].iops.finding, Finding::kBetter);
  std::vector<RunRecord> many_before;
  std::vector<RunRecord> many_after;
  for (uint64_t depth = 1; depth <= 20; ++depth) {
    for (const RunRecord& run : Loops(before, depth)) many_before.push_back(run);
    for (const RunRecord& run : Loops(depth == 1 ? after : before, depth)) many_after.push_back(run);
  }
  const Pair pair(many_before, many_after);
  ASSERT_EQ(pair.comparison.points.size(), 20);
  EXPECT_EQ(pair.comparison.points[0].iops.finding, Finding::kLevel);
}

TEST(Comparison, PointsThatOneSideLacksAreCounted) {
  const Pair pair({SampleRun("nvme", 1), SampleRun("nvme", 8)},
                  {SampleRun("nvme", 8), SampleRun("nvme", 16), SampleRun("nvme", 32)});
  EXPECT_EQ(pair.comparison.points.size(), 1);
  EXPECT_EQ(pair.comparison.only_before, 1);
  EXPECT_EQ(pair.comparison.only_after, 2);
}

TEST(Comparison, RunsThatDoNotCountAreNotCompared) {
  std::vector<RunRecord> after = Loops({100e3, 100e3, 100e3});
  for (RunRecord& run : after) run.proof.agrees = false;
  const Pair pair(Loops({100e3, 101e3, 99e3}), after);
  EXPECT_TRUE(pair.comparison.points.empty());
  EXPECT_EQ(pair.comparison.only_before, 1);
}

}  // namespace
}  // namespace penstock::report
