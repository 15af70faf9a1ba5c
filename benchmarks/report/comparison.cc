// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/comparison.h"

#include <deque>
#include <map>

#include "absl/strings/str_cat.h"
#include "benchmarks/report/figures.h"
#include "benchmarks/report/statistics.h"

namespace penstock::report {
namespace {

constexpr double kSignificant = 0.05;

struct Figure {
  Difference ComparedPoint::*difference;
  double (*of)(const RunRecord& run);
  double sign;  // 1 where more is better
};

constexpr Figure kFigures[] = {
    {&ComparedPoint::iops, IopsOf, 1},
    {&ComparedPoint::bytes_per_second, [](const RunRecord& run) { return run.bytes_per_second; }, 1},
    {&ComparedPoint::p99_ns, P99Of, -1},
    {&ComparedPoint::processor_ns, [](const RunRecord& run) { return run.processor.ns_per_read; }, -1},
};

std::string Key(const Point& point) {
  return absl::StrCat(point.workload, "\n", point.way, "\n", FormatBlocks(point.job), "\n", point.job.iodepth);
}

Difference DifferenceOf(const ComparedPoint& point, const Figure& figure) {
  const std::vector<double> before = point.before->All(figure.of);
  const std::vector<double> after = point.after->All(figure.of);
  Difference difference;
  difference.before = Median(before);
  difference.after = Median(after);
  difference.runs_before = before.size();
  difference.runs_after = after.size();
  difference.p = ChanceOf(*point.before, *point.after, figure.of);
  return difference;
}

/// By how much the mean grew: the test is of means, and medians may have gone the other way.
double GainOf(const ComparedPoint& point, const Figure& figure) {
  return Mean(point.after->All(figure.of)) - Mean(point.before->All(figure.of));
}

/// Many points are looked at, and some would differ by chance: p is adjusted for that, of each figure apart.
void Judge(std::vector<ComparedPoint>& points, const Figure& figure) {
  std::vector<ComparedPoint*> tested;
  std::vector<double> p_values;
  for (ComparedPoint& point : points) {
    const Difference& difference = point.*figure.difference;
    if (!difference.p.has_value()) continue;
    tested.push_back(&point);
    p_values.push_back(*difference.p);
  }
  const std::vector<double> adjusted = HolmAdjusted(p_values);
  for (size_t i = 0; i < tested.size(); ++i) {
    Difference& difference = tested[i]->*figure.difference;
    difference.p = adjusted[i];
    const double gain = figure.sign * GainOf(*tested[i], figure);
    difference.finding = adjusted[i] >= kSignificant || gain == 0 ? Finding::kLevel
                         : gain > 0                               ? Finding::kBetter
                                                                  : Finding::kWorse;
  }
}

}  // namespace

Comparison Compare(absl::Span<const Point> before, absl::Span<const Point> after) {
  Comparison comparison;
  std::map<std::string, std::deque<const Point*>> waiting;
  for (const Point& point : after) {
    if (!point.runs.empty()) waiting[Key(point)].push_back(&point);
  }
  for (const Point& point : before) {
    if (point.runs.empty()) continue;
    std::deque<const Point*>& others = waiting[Key(point)];
    if (others.empty()) {
      ++comparison.only_before;
      continue;
    }
    ComparedPoint& compared = comparison.points.emplace_back();
    compared.before = &point;
    compared.after = others.front();
    others.pop_front();
    for (const Figure& figure : kFigures) compared.*figure.difference = DifferenceOf(compared, figure);
  }
  for (const auto& [key, left] : waiting) comparison.only_after += left.size();
  for (const Figure& figure : kFigures) Judge(comparison.points, figure);
  return comparison;
}

}  // namespace penstock::report
