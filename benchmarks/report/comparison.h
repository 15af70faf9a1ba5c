// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two results side by side: what changed, and whether it is more than chance.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "benchmarks/report/point.h"

namespace penstock::report {

enum class Finding { kTooFewRuns, kLevel, kBetter, kWorse };

/// One figure, before and after.
struct Difference {
  double before = 0;  // medians
  double after = 0;
  size_t runs_before = 0;
  size_t runs_after = 0;
  std::optional<double> p;  // of Welch's test, adjusted for the number of points (Holm); nothing with too few runs
  Finding finding = Finding::kTooFewRuns;
};

struct ComparedPoint {
  const Point* before = nullptr;
  const Point* after = nullptr;
  Difference iops;
  Difference bytes_per_second;
  Difference p99_ns;
  Difference processor_ns;  // CPU time of a read
};

struct Comparison {
  std::vector<ComparedPoint> points;
  size_t only_before = 0;  // points that the other result lacks
  size_t only_after = 0;
};

/// Pairs the points of two results by what they are called, block sizes and depth; of several of one name the first with the
/// first. A figure is better or worse if its adjusted p is below 5 %.
Comparison Compare(absl::Span<const Point> before, absl::Span<const Point> after);

}  // namespace penstock::report
