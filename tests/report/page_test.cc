// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/page.h"

#include <gmock/gmock.h>

#include "benchmarks/report/page_data.h"
#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// What the page's script will parse.
Json DataOf(const std::string& page) {
  const std::string begin = "id=\"data\">";
  const size_t from = page.find(begin) + begin.size();
  return Json::parse(page.substr(from, page.find("</script>", from) - from));
}

RunRecord LongRun(const std::string& path, uint64_t depth) {
  RunRecord run = SampleRun(path, depth, 123456.789 + static_cast<double>(depth));
  for (int second = 1; second <= 3600; ++second)
    run.series.push_back({second * 1.0, 123456.789 + second, 505678901.5 + second, 234567.8 + second});
  return run;
}

TEST(Page, IsComplete) {
  const std::vector<Result> results = {SampleResult({SampleRun("nvme"), SampleRun("read", 8, 50e3)})};
  const std::string page = ReportPage(results);
  EXPECT_THAT(page, HasSubstr("<!DOCTYPE html>"));
  EXPECT_THAT(page, HasSubstr("<title>sample · penstock report</title>"));
  EXPECT_THAT(page, HasSubstr("nvme reads the most everywhere"));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  EXPECT_EQ(DataOf(page)["points"].size(), 2);
}

TEST(Page, FetchesNothing) {
  const std::vector<Result> results = {SampleResult({SampleRun()})};
  const std::string page = ReportPage(results);
  EXPECT_EQ(CountOf(page, "http://") + CountOf(page, "https://"), CountOf(page, "http://www.w3.org/2000/svg"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(Page, TextsOfAResultCannotBecomeMarkupOrScript) {
  const std::string evil = "</script><script>alert(1)</script><!-- {{script}} \" ' & \xff";
  std::vector<RunRecord> runs = {SampleRun(), SampleRun()};
  runs[0].status = RunStatus::kRefused;
  runs[0].cause = runs[0].job.name = runs[0].job.path = evil;
  runs[1].proof.remarks = {evil};
  runs[1].job.path = evil;
  std::vector<Result> results = {SampleResult(runs, evil)};
  results[0].environment["cpu"]["model"] = evil;
  results[0].command_line = {evil};
  const std::string page = ReportPage(results);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(CountOf(page, "</script>"), 2);
  EXPECT_EQ(CountOf(page, "\"use strict\";"), 1);
  const Json data = DataOf(page);
  EXPECT_THAT(data["results"][0]["environment"]["cpu"]["model"].get<std::string>(),
              HasSubstr("</script><script>alert(1)</script><!-- {{script}}"));
}

TEST(Page, AGridOfManyLongRunsStaysUnderTwoMegabytes) {
  std::vector<RunRecord> runs;
  for (const char* path : {"bar", "nvme", "read", "pread"}) {
    for (uint64_t depth = 1; depth <= 50; ++depth) runs.push_back(LongRun(path, depth));
  }
  const std::vector<Result> results = {SampleResult(runs)};
  EXPECT_LT(ReportPage(results).size(), 2'000'000);
}

TEST(Page, SeriesAreThinnedWithoutLosingASpike) {
  std::vector<Second> series;
  for (int i = 0; i < 1000; ++i) series.push_back({i * 1.0, 100, 1000, i == 567 ? 9e6 : 1e3});
  const std::vector<Second> thin = Thinned(series, 64);
  ASSERT_LE(thin.size(), 64);
  ASSERT_GE(thin.size(), 32);
  std::optional<double> largest;
  for (const Second& second : thin) {
    largest = std::max(largest, second.p99_ns);
    EXPECT_DOUBLE_EQ(second.iops, 100);
    EXPECT_DOUBLE_EQ(second.bytes_per_second, 1000);
  }
  EXPECT_EQ(largest, 9e6);
  EXPECT_EQ(Thinned(series, 1000).size(), 1000);
  EXPECT_EQ(Thinned({}, 1).size(), 0);
}

TEST(Page, ASecondWithoutAReadHasNoLatency) {
  std::vector<RunRecord> runs = {SampleRun()};
  runs[0].series = {{1, 100, 1000, 5e3}, {2, 0, 0, std::nullopt}, {3, 100, 1000, 7e3}};
  const std::vector<Result> results = {SampleResult(runs)};
  EXPECT_EQ(PageData(results)["points"][0]["series"][0][2].dump(), "[5000,null,7000]");
  EXPECT_EQ(Thinned(runs[0].series, 2)[0].p99_ns, 5e3) << "what was measured beside it";
}

TEST(Page, FiguresHaveFiveDigits) {
  const std::vector<Result> results = {SampleResult({SampleRun("nvme", 8, 123456.789)})};
  const Json data = PageData(results);
  EXPECT_EQ(data["points"][0]["iops"].dump(), "123460");
  EXPECT_EQ(data["points"][0]["bytes_per_second"].dump(), "505680000");
}

TEST(Page, ARunThatDoesNotCountIsInTheProofAndInNoPoint) {
  std::vector<RunRecord> runs = {SampleRun("nvme", 8, 100e3), SampleRun("nvme", 8, 900e3)};
  runs[1].proof.agrees = false;
  const std::vector<Result> results = {SampleResult(runs)};
  const Json data = PageData(results);
  EXPECT_EQ(data["points"][0]["iops"], 100000);
  EXPECT_EQ(data["points"][0]["left_out"], 1);
  ASSERT_EQ(data["runs"].size(), 2);
  EXPECT_EQ(data["runs"][1]["counts"], false);
  EXPECT_EQ(data["runs"][1]["proof"]["agrees"], false);
}

TEST(Page, EachFurtherResultIsComparedWithTheFirst) {
  const std::vector<Result> results = {SampleResult({SampleRun()}, "a"), SampleResult({SampleRun()}, "b"),
                                       SampleResult({SampleRun()}, "c")};
  const Json data = PageData(results);
  ASSERT_EQ(data["comparisons"].size(), 2);
  EXPECT_EQ(data["comparisons"][1]["before"], 0);
  EXPECT_EQ(data["comparisons"][1]["after"], 2);
  EXPECT_EQ(data["comparisons"][1]["points"][0]["iops"]["finding"], "too few runs");
}

TEST(Page, OfNoRunAtAllThereIsAPage) {
  const std::vector<Result> results = {SampleResult({})};
  EXPECT_THAT(ReportPage(results), HasSubstr("No run ended well"));
}

TEST(EscapeHtml, LeavesNoMarkup) { EXPECT_EQ(EscapeHtml("<a href='x'>\"&\""), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;"); }

TEST(EscapeHtml, IsUtf8WhateverAFileIsCalled) { EXPECT_EQ(EscapeHtml("u\xff<"), "u\uFFFD&lt;"); }

}  // namespace
}  // namespace penstock::report
