// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/point.h"

#include <gmock/gmock.h>

#include "benchmarks/report/figures.h"
#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::Pair;

TEST(Point, LoopsOfAJobAreOnePointAndItsFigureIsTheirMedian) {
  std::vector<RunRecord> runs = {SampleRun("nvme", 8, 100e3), SampleRun("read", 8, 50e3), SampleRun("nvme", 8, 300e3),
                                 SampleRun("nvme", 8, 120e3)};
  runs[2].job.loop = 1;
  runs[3].job.loop = 2;
  const std::vector<Result> results = {SampleResult(runs)};
  const std::vector<Point> points = PointsOf(results);
  ASSERT_EQ(points.size(), 2);
  EXPECT_EQ(points[0].runs.size(), 3);
  EXPECT_EQ(points[0].iops(), 120e3);
  EXPECT_EQ(points[1].iops(), 50e3);
}

TEST(Point, ARunThatDoesNotCountIsInNoFigure) {
  std::vector<RunRecord> runs = {SampleRun("nvme", 8, 100e3), SampleRun("nvme", 8, 900e3)};
  runs[1].status = RunStatus::kDisagrees;
  runs[1].proof.agrees = false;
  const std::vector<Result> results = {SampleResult(runs)};
  const std::vector<Point> points = PointsOf(results);
  ASSERT_EQ(points.size(), 1);
  EXPECT_EQ(points[0].iops(), 100e3);
  ASSERT_EQ(points[0].others.size(), 1);
  EXPECT_EQ(points[0].others[0]->iops, 900e3);
}

TEST(Point, NamesHaveOnlyWhatVaries) {
  std::vector<RunRecord> runs = {SampleRun(), SampleRun()};
  std::vector<Result> results = {SampleResult(runs)};
  EXPECT_EQ(PointsOf(results)[0].workload, "randread");
  EXPECT_EQ(PointsOf(results)[0].way, "nvme");
  results[0].runs[1].job.numjobs = 4;
  results[0].runs[1].job.poll_device = true;
  EXPECT_EQ(PointsOf(results)[0].workload, "randread, numjobs 1");
  EXPECT_EQ(PointsOf(results)[1].way, "nvme, iopoll on");
}

TEST(Point, WhatAPathBringsWithItIsNotInItsName) {
  std::vector<RunRecord> runs = {SampleRun("bar"), SampleRun("nvme")};
  runs[0].job.buffer = "window:0";
  const std::vector<Result> results = {SampleResult(runs)};
  EXPECT_EQ(PointsOf(results)[0].way, "bar");
}

TEST(Point, WhatWholeResultsDifferInIsNotInTheirNames) {
  std::vector<Result> results = {SampleResult({SampleRun()}), SampleResult({SampleRun()})};
  results[1].runs[0].job.poll_device = true;
  results[1].runs[0].job.volumes = "/dev/other";
  const std::vector<Point> points = PointsOf(results);
  EXPECT_EQ(points[0].way, points[1].way);
  EXPECT_EQ(points[0].workload, points[1].workload);
}

TEST(Point, RatesThatDifferInTheirLastDigitAreTwoPoints) {
  std::vector<RunRecord> runs = {SampleRun(), SampleRun()};
  runs[0].job.rate_reads = 100000;
  runs[1].job.rate_reads = 100001;
  const std::vector<Result> results = {SampleResult(runs)};
  ASSERT_EQ(PointsOf(results).size(), 2);
  EXPECT_EQ(PointsOf(results)[1].workload, "randread, rate 100001/s");
}

TEST(Point, SectionsThatDifferInSeedOrSteadyStateAreTwoPointsOfTwoNames) {
  std::vector<RunRecord> runs = {SampleRun(), SampleRun(), SampleRun()};
  runs[1].job.seed = 7;
  runs[2].job.steady_fraction = 0.02;
  const std::vector<Result> results = {SampleResult(runs)};
  const std::vector<Point> points = PointsOf(results);
  ASSERT_EQ(points.size(), 3);
  EXPECT_EQ(points[0].way, "nvme, steadystate none, seed 0");
  EXPECT_EQ(points[1].way, "nvme, steadystate none, seed 7");
  EXPECT_EQ(points[2].way, "nvme, steadystate 0.02, seed 0");
}

TEST(Point, ExtentsThatDifferInTheirLastBlockAreTwoPointsOfTwoNames) {
  std::vector<RunRecord> runs = {SampleRun(), SampleRun(), SampleRun()};
  runs[1].job.offset_bytes = (uint64_t{1} << 40) + 4096;
  runs[2].job.offset_bytes = (uint64_t{1} << 40) + 8192;
  const std::vector<Result> results = {SampleResult(runs)};
  const std::vector<Point> points = PointsOf(results);
  ASSERT_EQ(points.size(), 3);
  EXPECT_EQ(points[0].workload, "randread, offset 0 B");
  EXPECT_EQ(points[1].workload, "randread, offset 1073741828 KiB");
  EXPECT_EQ(points[2].workload, "randread, offset 1073741832 KiB");
  runs[2].job.offset_bytes = runs[1].job.offset_bytes;
  runs[1].job.size_bytes = 1 << 20;
  runs[2].job.size_bytes = (1 << 20) + 1;
  const std::vector<Result> sizes = {SampleResult(runs)};
  EXPECT_EQ(PointsOf(sizes).size(), 3);
}

TEST(Point, SizesOfBlocksAreShownExactly) {
  const std::pair<uint64_t, const char*> cases[] = {{0, "0 B"},
                                                    {512, "512 B"},
                                                    {1000, "1000 B"},
                                                    {4096, "4 KiB"},
                                                    {4097, "4097 B"},
                                                    {4608, "4.5 KiB"},
                                                    {131072, "128 KiB"},
                                                    {1 << 20, "1 MiB"},
                                                    {(1 << 20) + 1, "1048577 B"},
                                                    {1 << 30, "1 GiB"},
                                                    {1179648, "1.125 MiB"},
                                                    {1114112, "1088 KiB"},
                                                    {UINT64_MAX, "18446744073709551615 B"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(FormatBlock(bytes), text);
}

TEST(Point, SharedSettingsAreThoseOfEveryRun) {
  std::vector<RunRecord> runs = {SampleRun("bar"), SampleRun("nvme")};
  const auto shared = SharedSettings(SampleResult(runs));
  EXPECT_THAT(shared, Contains(Pair("numjobs", "1")));
  EXPECT_THAT(shared, Not(Contains(Pair("path", ::testing::_))));
  EXPECT_TRUE(SharedSettings(SampleResult({})).empty());
}

}  // namespace
}  // namespace penstock::report
