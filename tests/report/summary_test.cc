// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/summary.h"

#include <gmock/gmock.h>

#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Made {
  explicit Made(std::vector<RunRecord> runs) : results({SampleResult(std::move(runs))}), points(PointsOf(results)) {}
  Summary summary() const { return SummaryOf(results[0], points); }
  std::vector<Result> results;
  std::vector<Point> points;
};

std::vector<RunRecord> Loops(const std::string& path, std::vector<double> iops) {
  std::vector<RunRecord> runs;
  for (const double each : iops) {
    runs.push_back(SampleRun(path, 8, each));
    runs.back().job.loop = runs.size() - 1;
  }
  return runs;
}

std::vector<RunRecord> Joined(std::vector<RunRecord> left, const std::vector<RunRecord>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

TEST(Summary, NamesTheBestPathBySizeAndDepth) {
  const Made made(
      {SampleRun("nvme", 1, 10e3), SampleRun("read", 1, 8e3), SampleRun("nvme", 8, 50e3), SampleRun("read", 8, 80e3)});
  const Summary summary = made.summary();
  ASSERT_EQ(summary.verdicts.size(), 2);
  EXPECT_EQ(summary.verdicts[0].blocks, "4 KiB");
  EXPECT_EQ(summary.verdicts[0].iops.best->way, "nvme");
  EXPECT_EQ(summary.verdicts[0].iops.next->way, "read");
  EXPECT_DOUBLE_EQ(summary.verdicts[0].iops.margin, 1.25);
  EXPECT_EQ(summary.verdicts[1].iops.best->way, "read");
  EXPECT_EQ(summary.verdicts[1].p99.best->way, "read");
  EXPECT_EQ(summary.headline, "nvme reads the most in 1 of 2 cases");
}

TEST(Summary, TheBestByLatencyNeedNotBeTheBestByReads) {
  RunRecord slow = SampleRun("nvme", 8, 100e3);
  RunRecord quick = SampleRun("read", 8, 80e3);
  slow.total.p99 = 900e3;
  quick.total.p99 = 300e3;
  const Made made({slow, quick});
  const Summary summary = made.summary();
  EXPECT_EQ(summary.verdicts[0].iops.best->way, "nvme");
  EXPECT_EQ(summary.verdicts[0].p99.best->way, "read");
  EXPECT_DOUBLE_EQ(summary.verdicts[0].p99.margin, 3);
}

TEST(Summary, OneRunEachWithinThreePercentIsLevel) {
  const Made made({SampleRun("nvme", 8, 100e3), SampleRun("read", 8, 98e3), SampleRun("pread", 8, 50e3)});
  const Summary summary = made.summary();
  EXPECT_TRUE(summary.verdicts[0].iops.is_level);
  EXPECT_THAT(summary.verdicts[0].iops.ways_on_top, ElementsAre("nvme", "read"));
  EXPECT_EQ(summary.headline, "No path reads more than all others");
}

TEST(Summary, LoopsTellASmallDifferenceFromChance) {
  EXPECT_FALSE(Made(Joined(Loops("nvme", {100e3, 100.1e3, 99.9e3}), Loops("read", {98e3, 98.1e3, 97.9e3})))
                   .summary()
                   .verdicts[0]
                   .iops.is_level);
  EXPECT_TRUE(
      Made(Joined(Loops("nvme", {100e3, 140e3, 90e3}), Loops("read", {80e3, 120e3, 95e3}))).summary().verdicts[0].iops.is_level);
}

TEST(Summary, TheHeadlineCountsWhereAPathIsLevelWithTheBest) {
  const Made made(
      {SampleRun("nvme", 1, 10e3), SampleRun("read", 1, 9e3), SampleRun("nvme", 8, 100e3), SampleRun("read", 8, 101e3)});
  EXPECT_EQ(made.summary().headline, "nvme reads the most or as much as the best everywhere, alone in 1");
}

TEST(Summary, APathIsNotAloneOnTopWhereAnyOtherIsLevelWithIt) {
  std::vector<RunRecord> runs = Loops("nvme", {100e3, 100.1e3, 99.9e3});
  for (const double iops : {98e3, 98.1e3, 97.9e3}) runs.push_back(SampleRun("read", 8, iops));
  for (const double iops : {60e3, 97e3, 110e3}) runs.push_back(SampleRun("pread", 8, iops));
  const Summary summary = Made(runs).summary();
  EXPECT_FALSE(summary.verdicts[0].iops.is_level) << "with the next by median";
  EXPECT_THAT(summary.verdicts[0].iops.ways_on_top, ElementsAre("nvme", "pread"));
  EXPECT_EQ(summary.headline, "No path reads more than all others");
}

TEST(Summary, WorkloadsAreNotComparedWithEachOther) {
  std::vector<RunRecord> runs = {SampleRun("nvme"), SampleRun("nvme")};
  runs[1].job.access = "read";
  const Summary summary = Made(runs).summary();
  EXPECT_EQ(summary.verdicts.size(), 2);
  EXPECT_EQ(summary.headline, "Only nvme was measured: there is nothing to choose from");
}

TEST(Summary, ARunThatCountersContradictWinsNothingAndIsMentioned) {
  std::vector<RunRecord> runs = {SampleRun("nvme", 8, 100e3), SampleRun("pread", 8, 900e3), SampleRun("read", 8, 50e3)};
  runs[1].status = RunStatus::kDisagrees;
  runs[1].proof.agrees = false;
  const Made made(runs);
  const Summary summary = made.summary();
  EXPECT_EQ(summary.verdicts[0].iops.best->way, "nvme");
  EXPECT_THAT(summary.sentences, Contains("1 of 3 runs is in no figure: contradicted by counters (1)"));
  EXPECT_THAT(summary.sentences[0], Not(HasSubstr("pread")));
}

TEST(Summary, ARunWithoutAReadWinsNothingAndIsMentioned) {
  std::vector<RunRecord> runs = {SampleRun("nvme", 8, 100e3), SampleRun("read", 8, 50e3)};
  runs[1].reads = runs[1].bytes = runs[1].iops = runs[1].bytes_per_second = 0;
  runs[1].total = {};
  const Made made(runs);
  const Summary summary = made.summary();
  EXPECT_EQ(summary.verdicts[0].p99.best->way, "nvme");
  EXPECT_THAT(summary.sentences, Contains("1 of 2 runs is in no figure: without a read (1)"));
  EXPECT_THAT(summary.sentences[0], HasSubstr("Least p99: 160 µs (nvme"));
}

TEST(Summary, WithoutAGoodRunItSaysSo) {
  std::vector<RunRecord> runs = {SampleRun()};
  runs[0].status = RunStatus::kFailed;
  const Summary summary = Made(runs).summary();
  EXPECT_TRUE(summary.verdicts.empty());
  EXPECT_THAT(summary.headline, HasSubstr("No run ended well"));
  EXPECT_THAT(summary.sentences, ElementsAre("1 of 1 run is in no figure: failed (1)"));
}

TEST(Summary, SaysWhatTheBestPathsReachAndWhatLimitsThem) {
  const Summary summary = Made({SampleRun("nvme", 1, 10e3), SampleRun("nvme", 8, 80e3)}).summary();
  EXPECT_EQ(summary.sentences[0],
            "Most reads: 80.0 k/s (nvme, randread, 4 KiB, depth 8). Most bytes: 328 MB/s (nvme, randread, 4 KiB, depth 8). "
            "Least p99: 200 µs (nvme, randread, 4 KiB, depth 1)");
  EXPECT_EQ(summary.sentences[1], "What limits the best path, in how many cases: too few in flight (2)");
}

}  // namespace
}  // namespace penstock::report
