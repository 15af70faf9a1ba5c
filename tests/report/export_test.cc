// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gmock/gmock.h>

#include "absl/strings/str_split.h"
#include "benchmarks/report/google_benchmark.h"
#include "benchmarks/report/prometheus.h"
#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<RunRecord> TwoLoops() {
  std::vector<RunRecord> runs = {SampleRun("nvme", 8, 100e3), SampleRun("nvme", 8, 125e3)};
  runs[1].job.loop = 1;
  return runs;
}

TEST(GoogleBenchmark, ARunIsARepetitionOfItsPoint) {
  const Json json = Json::parse(GoogleBenchmarkJson(SampleResult(TwoLoops())));
  ASSERT_EQ(json["benchmarks"].size(), 2);
  const Json& second = json["benchmarks"][1];
  EXPECT_EQ(second["name"], "randread/bs:4096/iodepth:8/nvme");
  EXPECT_EQ(second["run_name"], second["name"]);
  EXPECT_EQ(second["run_type"], "iteration");
  EXPECT_EQ(second["repetitions"], 2);
  EXPECT_EQ(second["repetition_index"], 1);
  EXPECT_EQ(second["iterations"], 1250000);
  EXPECT_EQ(second["real_time"], 8000);
  EXPECT_EQ(second["cpu_time"], 1000);
  EXPECT_EQ(second["time_unit"], "ns");
  EXPECT_EQ(second["items_per_second"], 125e3);
  EXPECT_FALSE(second.contains("error_occurred"));
  EXPECT_EQ(json["context"]["num_cpus"], 8);
  EXPECT_EQ(json["context"]["cpu_scaling_enabled"], false);
  EXPECT_EQ(json["context"]["date"], "2026-11-21T22:00:00Z");
}

TEST(GoogleBenchmark, ARunThatDoesNotCountHasAnError) {
  std::vector<RunRecord> runs = TwoLoops();
  runs[0].proof.agrees = false;
  runs[1].status = RunStatus::kRefused;
  runs[1].cause = "no window";
  const Json json = Json::parse(GoogleBenchmarkJson(SampleResult(runs)));
  EXPECT_EQ(json["benchmarks"][0]["error_occurred"], true);
  EXPECT_THAT(json["benchmarks"][0]["error_message"].get<std::string>(), HasSubstr("counters disagree"));
  EXPECT_EQ(json["benchmarks"][1]["error_message"], "no window");
  runs[0].proof.agrees = true;
  runs[0].reads = 0;
  EXPECT_EQ(Json::parse(GoogleBenchmarkJson(SampleResult(runs)))["benchmarks"][0]["error_message"], "no read ended");
}

TEST(GoogleBenchmark, NamesHaveNoSpaces) {
  std::vector<RunRecord> runs = {SampleRun(), SampleRun()};
  runs[1].job.numjobs = 4;
  runs[1].job.kernel_thread = true;
  runs[1].job.min_block_bytes = 512;
  const Json json = Json::parse(GoogleBenchmarkJson(SampleResult(runs)));
  EXPECT_EQ(json["benchmarks"][1]["name"], "randread/numjobs:4/bs:512-4096/iodepth:8/nvme/sqpoll:on");
}

TEST(Prometheus, EveryMetricHasATypeAndEverySampleItsLabels) {
  const std::vector<Result> results = {SampleResult(TwoLoops())};
  const std::string text = PrometheusText(results);
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  EXPECT_THAT(lines, Contains("# TYPE penstock_bench_reads_per_second gauge"));
  EXPECT_THAT(
      lines,
      Contains("penstock_bench_reads_per_second{result=\"sample\",run=\"1\",rw=\"randread\",path=\"nvme\",device=\"none\","
               "op=\"none\",bs_min=\"4096\",bs_max=\"4096\",iodepth=\"8\",numjobs=\"1\",loop=\"1\",status=\"ok\"} 125000"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "penstock_bench_info{result=\"sample\",version=\"0.1.0\",git_revision=\"abc\",started=\"2026-11-21T22:00:00Z\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("status=\"ok\",stage=\"total\",quantile=\"0.99\"} 0.00016\n"));
  EXPECT_THAT(text, HasSubstr("stage=\"device\",quantile=\"0.5\"}"));
  EXPECT_THAT(text, HasSubstr("penstock_bench_latency_seconds_count{"));
  EXPECT_EQ(lines.back(), "");
}

TEST(Prometheus, LabelsAreEscaped) {
  const std::vector<Result> results = {SampleResult({SampleRun("a\"b\\c\nd")})};
  EXPECT_THAT(PrometheusText(results), HasSubstr("path=\"a\\\"b\\\\c\\nd\""));
}

TEST(Prometheus, LabelsAreUtf8WhateverAFileIsCalled) {
  const std::vector<Result> results = {SampleResult({SampleRun()}, "u\xff.\u00b5")};
  EXPECT_THAT(PrometheusText(results), HasSubstr("result=\"u\uFFFD.\u00b5\""));
}

TEST(Prometheus, ARunThatWasRefusedHasNoFigures) {
  std::vector<RunRecord> runs = {SampleRun()};
  runs[0].status = RunStatus::kRefused;
  const std::vector<Result> results = {SampleResult(runs)};
  const std::string text = PrometheusText(results);
  EXPECT_THAT(text, HasSubstr("status=\"refused\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("penstock_bench_reads_per_second{")));
}

}  // namespace
}  // namespace penstock::report
