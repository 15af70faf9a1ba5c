// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether the values of a job go together, on whatever host and volume.
#pragma once

#include "absl/status/status.h"
#include "benchmarks/bench/bench_options.h"
#include "benchmarks/bench/job.h"

namespace penstock::bench {

/// What does not depend on the path. Errors: InvalidArgument, with what is allowed and why.
absl::Status CheckValues(const Job& job);

/// Whether the job's path goes with its values. Errors: FailedPrecondition: other paths may.
absl::Status CheckPathOptions(const Job& job);

/// What is said of a whole section, not of a point of its grid. Errors: InvalidArgument.
absl::Status CheckSection(const JobOptions& options);

}  // namespace penstock::bench
