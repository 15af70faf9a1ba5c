// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Points of the grid: the runs of a result that differ in nothing but their loop, and what they are called in a report.
#pragma once

#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "benchmarks/report/result.h"

namespace penstock::report {

/// Mean time of a read in each stage; nanoseconds. Means, because unlike percentiles they add up.
struct StageTimes {
  bench::EachStage<double> stage;

  double sum() const { return std::accumulate(stage.of.begin(), stage.of.end(), 0.0); }
  /// From publishing a slot to reaping it.
  double kernel() const { return stage[bench::Stage::kClaimed] + stage[bench::Stage::kDone] + stage[bench::Stage::kReaped]; }
};

struct Point {
  const Result* result = nullptr;
  Job job;                               // of its first run
  std::vector<const RunRecord*> runs;    // that count
  std::vector<const RunRecord*> others;  // that do not: refused, failed, partial, or in disagreement with the counters

  // Names that people compare by; a field of the job is in them only where it varies.
  std::string workload;  // "randread, numjobs 4": what was asked for, apart from sizes and depth
  std::string way;       // "nvme, iopoll": how the bytes got there

  /// One figure of each run that counts, and the median of them. `figure` maps a RunRecord to a number.
  template <typename Figure>
  std::vector<double> All(const Figure& figure) const;
  double iops() const;
  double bytes_per_second() const;
  double p50_ns() const;
  double p99_ns() const;
  /// Processors that were busy, on average.
  double busy_processors() const;
  StageTimes stages() const;
};

template <typename Figure>
std::vector<double> Point::All(const Figure& figure) const {
  std::vector<double> values;
  values.reserve(runs.size());
  for (const RunRecord* run : runs) values.push_back(figure(*run));
  return values;
}

double IopsOf(const RunRecord& run);
double P99Of(const RunRecord& run);

/// How likely the means of a figure of two points lie this far apart by chance alone (WelchP); 1 for percentiles that differ by
/// no more than a bucket of their histogram. Nothing with too few runs.
std::optional<double> ChanceOf(const Point& left, const Point& right, double (*figure)(const RunRecord&));

/// The points of all results, each result's in the order of its runs. They point into `results`. Names are chosen so that a
/// field is in them if it varies within any one of the results: points of equal names in two results are the same question
/// asked twice, even if both whole results were measured with another setting.
std::vector<Point> PointsOf(absl::Span<const Result> results);

/// The settings that all runs of a result share and that no name mentions: ("numjobs", "1"), ...
std::vector<std::pair<std::string, std::string>> SharedSettings(const Result& result);

}  // namespace penstock::report
