// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From lists to runs: every combination of what was listed, in the order in which they are to run.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmarks/bench/bench_options.h"
#include "benchmarks/bench/job.h"

namespace penstock::bench {

constexpr size_t kMaxRuns = 10000;

/// The points of each section's grid: section by section, then by rw, bs, numjobs and iodepth; paths last, so that what is most
/// compared ran nearest in time. All of it `loops` times over, not each point: what changes slowly on a host (heat, other people)
/// then falls on every point alike. Run i of loop n is run n * (runs / loops) + i.
///
/// Errors: InvalidArgument for more than kMaxRuns.
absl::StatusOr<std::vector<Job>> RunsOf(absl::Span<const JobOptions> sections, uint32_t loops);

}  // namespace penstock::bench
