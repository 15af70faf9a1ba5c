// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `penstock bench` was asked to do, checked as far as that goes without a look at host and volumes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmarks/bench/bench_options.h"
#include "benchmarks/bench/job.h"

namespace penstock::bench {

struct BenchRequest {
  bool help = false;      // nothing else counts then
  std::vector<Job> runs;  // in the order in which they are to run; loops are in it already (grid.h)
  RunOptions options;
};

/// The text of a file of at most kMaxJobFileBytes. Errors: those of the system.
using JobFileReader = std::function<absl::StatusOr<std::string>(const std::string& path)>;
absl::StatusOr<std::string> ReadJobFile(const std::string& path);

/// `arguments`: what stands after `penstock bench`: volumes, --option=value or --option value, --switch, a job file (FILE.fio or
/// --jobfile=FILE). After -- everything is a volume. The command line counts more than the job file: what it says replaces what
/// the file says of every section. Of an option that comes twice the last one counts.
///
/// Errors: InvalidArgument, with what is allowed and why; those of `read`. Threads: any.
absl::StatusOr<BenchRequest> ParseBench(absl::Span<const std::string> arguments, const JobFileReader& read = ReadJobFile);

/// What `penstock bench --help` prints.
std::string BenchHelpText();

}  // namespace penstock::bench
