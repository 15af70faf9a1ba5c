// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Results as others read them: JSON for programs, a table for people, CSV for spreadsheets. docs/bench.md describes each field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "benchmarks/bench/result.h"
#include "benchmarks/bench/run.h"

namespace penstock::bench {

/// All that one call of `penstock bench` has measured.
struct BenchResult {
  std::vector<std::string> command_line;
  std::string started;  // RFC 3339, UTC
  bool is_partial = false;
  MeasuringCost cost;
  nlohmann::ordered_json environment;
  std::vector<RunResult> runs;
};

inline constexpr char kResultSchema[] = "penstock-bench-1";

std::string FormatJson(const BenchResult& result);
std::string FormatTable(const BenchResult& result);
/// One line a run, after a line of names.
std::string FormatCsv(const BenchResult& result);

/// "ok", "refused", "failed", "partial" or "disagrees".
std::string NameOf(Verdict verdict);
/// "none", "cpu" or "hip:N".
std::string RunnerName(const Job& job);

/// "read" or "randread".
std::string AccessName(const Job& job);
/// "4.00 KiB", or "4.00 KiB-64.0 KiB".
std::string BlockName(const Job& job);
/// "812 ns", "84.1 us", "1.20 ms", "3.41 s".
std::string FormatNs(double ns);

/// The runs of each point of the grid that was run more than once, by their places in `runs`.
std::vector<std::vector<size_t>> Repetitions(absl::Span<const RunResult> runs);

/// Of some values: what is in their middle, how far they go, and their standard deviation in parts of their mean.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
  double relative_deviation = 0;
};
/// Requires: at least one value.
Spread SpreadOf(std::vector<double> values);

}  // namespace penstock::bench
