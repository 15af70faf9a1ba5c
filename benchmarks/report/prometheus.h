// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Results in Prometheus' text exposition format, version 0.0.4.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "benchmarks/report/result.h"

namespace penstock::report {

/// Metrics penstock_bench_*, in base units (seconds, bytes), one series a run: labels "result" and "run" (its place in the
/// result) make them unique. Requires: no two results of one name (NamesOf). Threads: any.
std::string PrometheusText(absl::Span<const Result> results);

}  // namespace penstock::report
