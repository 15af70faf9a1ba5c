// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The answer that a report begins with: which path is best here, and what limits it.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "benchmarks/report/limit.h"
#include "benchmarks/report/point.h"

namespace penstock::report {

/// The best of several ways to do the same.
struct Choice {
  const Point* best = nullptr;
  const Point* next = nullptr;           // the second best; null if there is no other
  double margin = 1;                     // how many times better than the next; at least 1
  bool is_level = false;                 // the two cannot be told apart
  std::vector<std::string> ways_on_top;  // the best, and those that cannot be told apart from it
};

/// Of one workload, at one size of block and one depth.
struct Verdict {
  std::string workload;
  std::string blocks;
  uint64_t iodepth = 0;
  Choice iops;
  Choice p99;
  Limit limit;  // of the best by reads a second
};

struct Summary {
  std::string headline;                // one sentence
  std::vector<std::string> sentences;  // what it rests on, and what was left out
  std::vector<Verdict> verdicts;       // in the order in which they were measured
};

/// `points` are those of `result`, and are pointed into. A point of which no run counts is left out of every verdict.
Summary SummaryOf(const Result& result, absl::Span<const Point> points);

/// Whether two points' figures cannot be told apart: Welch's test at 5 % where both have enough runs, otherwise less than 3 %.
bool AreLevel(const Point& left, const Point& right, double (*figure)(const RunRecord&));

}  // namespace penstock::report
