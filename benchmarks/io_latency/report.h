// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What io_latency prints.
#pragma once

#include <string>
#include <vector>

#include "benchmarks/io_latency/latency_split.h"
#include "benchmarks/io_latency/options.h"
#include "benchmarks/io_latency/runs.h"

namespace penstock::io_latency {

/// All rounds.
struct Results {
  std::vector<double> kernel_per_second;  // requests, a round each
  std::vector<double> pump_per_second;    // of the same round
  SplitHistograms kernel;
  LatencyHistogram pump_read;
  LatencyHistogram pump_slot;

  void Add(const KernelRun& run);
  void Add(const PumpedRun& run);
};

/// The middle one, or the mean of the two in the middle. Requires: not empty.
double Median(std::vector<double> values);

/// The kernel's rate by the pump's, round by round.
std::vector<double> Ratios(const Results& results);

/// Both require: as many rounds of each, at least one.
std::string FormatText(const Options& options, const Results& results);
std::string FormatJson(const Options& options, const Results& results);

}  // namespace penstock::io_latency
