// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A result in Google Benchmark's JSON, for its compare.py and what else reads that.
#pragma once

#include <string>

#include "benchmarks/report/result.h"

namespace penstock::report {

/// One benchmark a run, the runs of a point as its repetitions. real_time is the time between the ends of two reads
/// (1e9 / iops), cpu_time the CPU time of one; both ns. A run that does not count has error_occurred. Threads: any.
std::string GoogleBenchmarkJson(const Result& result);

}  // namespace penstock::report
