// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any text as a job file: it is refused with a remedy, or the runs that it asks for can be listed and checked.
#include "benchmarks/bench/job_file.h"

#include "benchmarks/bench/grid.h"
#include "benchmarks/bench/job_check.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "tests/fuzz/input.h"

namespace penstock::bench {
namespace {

void CheckRefusal(const absl::Status& status) { PENSTOCK_CHECK(status.ok() || !RemedyOf(status).empty()); }

void CheckJob(const Job& job) {
  const absl::Status status = CheckValues(job);
  CheckRefusal(status);
  if (!status.ok()) return;
  CheckRefusal(CheckPathOptions(job));
  PENSTOCK_CHECK(job.min_block_bytes != 0 && job.max_block_bytes % job.min_block_bytes == 0);
  PENSTOCK_CHECK(job.iodepth != 0 && job.numjobs != 0);
}

}  // namespace
}  // namespace penstock::bench

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock::bench;
  const auto file = ParseJobFile({reinterpret_cast<const char*>(data), size});
  CheckRefusal(file.status());
  if (!file.ok()) return 0;
  PENSTOCK_CHECK(!file->jobs.empty() && file->jobs.size() <= kMaxJobFileSections);
  for (const JobOptions& options : file->jobs) CheckRefusal(CheckSection(options));
  const auto runs = RunsOf(file->jobs, file->run.loops);
  CheckRefusal(runs.status());
  if (!runs.ok()) return 0;
  PENSTOCK_CHECK(runs->size() <= kMaxRuns);
  for (const Job& job : *runs) CheckJob(job);
  return 0;
}
