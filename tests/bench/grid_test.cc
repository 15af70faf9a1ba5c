// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "penstock/error.h"

namespace penstock::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

JobOptions Section(std::string name) {
  JobOptions section;
  section.job.name = std::move(name);
  section.paths = {ReadPath::kPread};
  section.all_paths = false;
  return section;
}

TEST(Grid, OfSingleValuesIsOneRun) {
  JobOptions section = Section("a");
  section.block_sizes = {{8192, 65536}};
  section.iodepths = {7};
  section.numjobs = {3};
  section.job.seed = 12;
  const auto runs = RunsOf({section}, 1);
  ASSERT_TRUE(runs.ok()) << runs.status();
  ASSERT_EQ(runs->size(), 1u);
  const Job& job = runs->front();
  EXPECT_EQ(job.name, "a");
  EXPECT_EQ(job.min_block_bytes, 8192u);
  EXPECT_EQ(job.max_block_bytes, 65536u);
  EXPECT_EQ(job.iodepth, 7u);
  EXPECT_EQ(job.numjobs, 3u);
  EXPECT_EQ(job.path, ReadPath::kPread);
  EXPECT_EQ(job.seed, 12u);
  EXPECT_EQ(job.loop, 0u);
}

TEST(Grid, HasEveryCombinationOnce) {
  JobOptions section = Section("a");
  section.accesses = {Access::kRead, Access::kRandRead};
  section.block_sizes = {{4096, 4096}, {8192, 8192}, {4096, 8192}};
  section.iodepths = {1, 2, 4, 8};
  section.numjobs = {1, 2};
  section.paths = {ReadPath::kRead, ReadPath::kPread};
  const auto runs = RunsOf({section}, 1);
  ASSERT_TRUE(runs.ok()) << runs.status();
  std::set<std::tuple<Access, uint32_t, uint32_t, uint32_t, uint32_t, ReadPath>> points;
  for (const Job& job : *runs) {
    points.emplace(job.access, job.min_block_bytes, job.max_block_bytes, job.iodepth, job.numjobs, job.path);
  }
  EXPECT_EQ(runs->size(), 2u * 3 * 4 * 2 * 2);
  EXPECT_EQ(points.size(), runs->size());
}

TEST(Grid, RunsThePathsOfAPointOneRightAfterTheOther) {
  JobOptions section = Section("a");
  section.iodepths = {1, 8};
  section.paths = {ReadPath::kNvme, ReadPath::kRead};
  const auto runs = RunsOf({section}, 1);
  ASSERT_TRUE(runs.ok()) << runs.status();
  std::vector<std::pair<uint32_t, ReadPath>> order;
  for (const Job& job : *runs) order.emplace_back(job.iodepth, job.path);
  EXPECT_THAT(order, ElementsAre(std::pair(1u, ReadPath::kNvme), std::pair(1u, ReadPath::kRead), std::pair(8u, ReadPath::kNvme),
                                 std::pair(8u, ReadPath::kRead)));
}

TEST(Grid, RepeatsAllPointsInsteadOfEachOne) {
  JobOptions first = Section("a");
  first.iodepths = {1, 8};
  const auto runs = RunsOf({first, Section("b")}, 3);
  ASSERT_TRUE(runs.ok()) << runs.status();
  std::vector<std::tuple<std::string, uint32_t, uint32_t>> order;
  for (const Job& job : *runs) order.emplace_back(job.name, job.iodepth, job.loop);
  EXPECT_THAT(order, ElementsAre(std::tuple("a", 1u, 0u), std::tuple("a", 8u, 0u), std::tuple("b", 1u, 0u),
                                 std::tuple("a", 1u, 1u), std::tuple("a", 8u, 1u), std::tuple("b", 1u, 1u),
                                 std::tuple("a", 1u, 2u), std::tuple("a", 8u, 2u), std::tuple("b", 1u, 2u)));
}

TEST(Grid, GivesTheDistributionToRandomReadsOnly) {
  JobOptions section = Section("a");
  section.accesses = {Access::kRead, Access::kRandRead};
  section.job.distribution.zipf_theta = 1.2;
  const auto runs = RunsOf({section}, 1);
  ASSERT_TRUE(runs.ok()) << runs.status();
  EXPECT_EQ(runs->at(0).distribution.zipf_theta, 0);
  EXPECT_EQ(runs->at(1).distribution.zipf_theta, 1.2);
}

TEST(Grid, DemandsPathsThatWereNamed) {
  JobOptions section;
  section.paths = {ReadPath::kBar, ReadPath::kPread};
  section.all_paths = true;
  EXPECT_FALSE(RunsOf({section}, 1)->front().path_is_demanded);
  section.all_paths = false;
  EXPECT_TRUE(RunsOf({section}, 1)->front().path_is_demanded);
}

TEST(Grid, RefusesMoreRunsThanItsLimit) {
  JobOptions section = Section("a");
  section.iodepths.assign(50, 1);
  section.numjobs.assign(50, 1);
  EXPECT_EQ(RunsOf({section}, 4)->size(), kMaxRuns);
  const absl::Status status = RunsOf({section}, 5).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(CauseOf(status), HasSubstr("2500 points, each run 5 times: 12500 runs"));
  EXPECT_THAT(RemedyOf(status), HasSubstr("at most 10000 runs"));
}

}  // namespace
}  // namespace penstock::bench
