// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/grid.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

/// Each list is at most 64 long: the product of five fits.
uint64_t PointsOf(const JobOptions& options) {
  return uint64_t{options.accesses.size()} * options.block_sizes.size() * options.numjobs.size() * options.iodepths.size() *
         options.paths.size();
}

/// A job for every path.
void AddPaths(const JobOptions& options, Job job, std::vector<Job>& jobs) {
  job.path_is_demanded = !options.all_paths;
  for (const ReadPath path : options.paths) {
    job.path = path;
    jobs.push_back(job);
  }
}

void AddPoints(const JobOptions& options, std::vector<Job>& jobs) {
  Job job = options.job;
  for (const Access access : options.accesses) {
    job.access = access;
    job.distribution = access == Access::kRandRead ? options.job.distribution : RandomDistribution();
    for (const BlockSizes& sizes : options.block_sizes) {
      job.min_block_bytes = sizes.min_bytes;
      job.max_block_bytes = sizes.max_bytes;
      for (const uint32_t numjobs : options.numjobs) {
        job.numjobs = numjobs;
        for (const uint32_t iodepth : options.iodepths) {
          job.iodepth = iodepth;
          AddPaths(options, job, jobs);
        }
      }
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<Job>> RunsOf(absl::Span<const JobOptions> sections, uint32_t loops) {
  uint64_t points = 0;
  for (const JobOptions& section : sections) points += PointsOf(section);
  if (points * loops > kMaxRuns) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("a grid of ", points, " points, each run ", loops, " times: ", points * loops, " runs")),
                     Fix(absl::StrCat("use shorter lists or fewer loops: at most ", kMaxRuns, " runs")));
  }
  std::vector<Job> runs;
  runs.reserve(points * loops);
  for (const JobOptions& section : sections) AddPoints(section, runs);
  for (uint32_t loop = 1; loop < loops; ++loop) {
    for (uint64_t i = 0; i < points; ++i) {
      runs.push_back(runs[i]);
      runs.back().loop = loop;
    }
  }
  return runs;
}

}  // namespace penstock::bench
