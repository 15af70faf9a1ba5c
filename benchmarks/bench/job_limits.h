// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether this host and these volumes can do what a job asks for, before anything runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmarks/bench/host_limits.h"
#include "benchmarks/bench/job.h"

namespace penstock::bench {

/// Locked memory of all of a job's buffers, as far as it counts against the limit: 0 for paths that register none.
uint64_t LockedBytesOf(const Job& job);

/// `volumes`: those of the job. Errors, each with what is allowed here and why: FailedPrecondition if its path cannot be used,
/// and others may; InvalidArgument and OutOfRange for values that no path can do.
absl::Status CheckJob(const Job& job, const HostLimits& host, absl::Span<const VolumeFacts> volumes);

/// All runs before the first begins. For each OK, or why its path cannot be used, which becomes a line of the results: only where
/// Job::path_is_demanded is false. Requires: `volumes` has, by its name, each that a run reads (ReadVolumeFacts).
/// Errors: that of the first run which cannot be done as it was asked for; FailedPrecondition if there is a reason for each run,
/// with those of all paths. None should begin then.
absl::StatusOr<std::vector<absl::Status>> CheckRuns(absl::Span<const Job> runs, const HostLimits& host,
                                                    const std::map<std::string, VolumeFacts>& volumes);

/// What is allowed and yet to be known when the results are read: sentences without a full stop.
std::vector<std::string> NotesOn(const Job& job, const HostLimits& host, absl::Span<const VolumeFacts> volumes);

}  // namespace penstock::bench
