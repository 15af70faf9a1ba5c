// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/bench_command.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "benchmarks/bench/bench_request.h"
#include "benchmarks/bench/environment.h"
#include "benchmarks/bench/host_limits.h"
#include "benchmarks/bench/job_limits.h"
#include "benchmarks/bench/live_line.h"
#include "benchmarks/bench/metrics.h"
#include "benchmarks/bench/result_file.h"
#include "benchmarks/bench/run.h"
#include "benchmarks/cli/interruption.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/cli/standard_output.h"
#include "benchmarks/cli/write_all.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"

namespace penstock::bench {
namespace {

using cli::kExitFailed;
using cli::kExitInterrupted;
using cli::kExitUsage;

/// Where results go. Made before anything runs, so that a run of hours is not lost for a directory that does not exist.
absl::StatusOr<FileDescriptor> OpenOutput(const std::string& name) {
  FileDescriptor file(name.empty() ? dup(STDOUT_FILENO) : open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() >= 0) return file;
  return MakeErrnoError(absl::StatusCode::kInvalidArgument, errno, What(absl::StrCat("cannot make ", name)),
                        Fix(errno == EEXIST ? "name a file that is not there yet: nothing is overwritten"
                                            : "name a file in a directory that may be written to"));
}

absl::Status Write(int fd, absl::string_view text) {
  const int error_number = cli::WriteAll(fd, text);
  if (error_number == 0) return absl::OkStatus();
  return MakeErrnoError(absl::StatusCode::kUnavailable, error_number, What("cannot write the results"),
                        Fix("make room where they go, and measure again"));
}

std::string Format(const BenchResult& result, OutputFormat format) {
  switch (format) {
    case OutputFormat::kJson: return FormatJson(result);
    case OutputFormat::kCsv: return FormatCsv(result);
    case OutputFormat::kNormal: break;
  }
  return FormatTable(result);
}

std::vector<std::string> VolumesOf(absl::Span<const Job> jobs) {
  std::vector<std::string> volumes;
  for (const Job& job : jobs) {
    for (const std::string& name : job.volumes) {
      if (std::find(volumes.begin(), volumes.end(), name) == volumes.end()) volumes.push_back(name);
    }
  }
  return volumes;
}

/// What has to be known before the first run begins.
struct Plan {
  HostLimits limits;
  std::map<std::string, VolumeFacts> volumes;
  std::vector<absl::Status> refusals;  // by run: OK, or why it is not to be tried
};

absl::StatusOr<Plan> MakePlan(absl::Span<const Job> runs) {
  Plan plan;
  plan.limits = LimitsOf(ReadHostFacts(), ReadProcessorFacts());
  PENSTOCK_ASSIGN_OR_RETURN(plan.volumes, ReadVolumeFacts(runs));
  PENSTOCK_ASSIGN_OR_RETURN(plan.refusals, CheckRuns(runs, plan.limits, plan.volumes));
  return plan;
}

RunResult Refused(const Job& job, const absl::Status& status) {
  RunResult run;
  run.job = job;
  run.verdict = Verdict::kRefused;
  run.status = status;
  return run;
}

std::vector<std::string> NotesOf(const Job& job, const Plan& plan) {
  std::vector<VolumeFacts> volumes;
  for (const std::string& name : job.volumes) volumes.push_back(plan.volumes.at(name));
  return NotesOn(job, plan.limits, volumes);
}

BenchResult Measure(absl::Span<const Job> jobs, const Plan& plan, Metrics& metrics, const std::atomic<bool>& interrupted) {
  BenchResult result;
  result.started = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  result.environment = EnvironmentJson(VolumesOf(jobs));
  result.cost = MeasureMeasuring();
  LiveLine line;
  for (size_t index = 0; index < jobs.size() && !interrupted.load(); ++index) {
    const Job& job = jobs[index];
    if (!plan.refusals[index].ok()) {
      result.runs.push_back(Refused(job, plan.refusals[index]));
      continue;
    }
    const auto show = [&](const LiveStatus& live) {
      line.Update(job, live);
      metrics.Update(MetricsText(job, live));
    };
    result.runs.push_back(RunJob(job, {.cancel = &interrupted, .live = show}));
    result.runs.back().notes = NotesOf(job, plan);
    metrics.Update(MetricsText(job, {.is_measured = false}));
    line.Clear();
  }
  result.is_partial = interrupted.load();
  return result;
}

/// A path that was only tried, because all were, may be refused.
bool IsAsWanted(const RunResult& run) {
  return run.verdict == Verdict::kOk || (run.verdict == Verdict::kRefused && !run.job.path_is_demanded);
}

int ExitStatus(const BenchResult& result) {
  if (result.is_partial) return kExitInterrupted;
  const bool any_ran =
      std::any_of(result.runs.begin(), result.runs.end(), [](const RunResult& run) { return run.verdict == Verdict::kOk; });
  return any_ran && std::all_of(result.runs.begin(), result.runs.end(), IsAsWanted) ? 0 : kExitFailed;
}

int Fail(const absl::Status& status, int exit_status) {
  absl::FPrintF(stderr, "penstock: %s\n", cli::OneLine(status.message()));
  return exit_status;
}

}  // namespace

int RunBench(absl::Span<const std::string> arguments) {
  const absl::StatusOr<BenchRequest> request = ParseBench(arguments);
  if (!request.ok()) return Fail(request.status(), kExitUsage);
  if (request->help) return cli::Print(BenchHelpText());
  const absl::StatusOr<Plan> plan = MakePlan(request->runs);
  if (!plan.ok()) return Fail(plan.status(), kExitUsage);
  const absl::StatusOr<std::unique_ptr<Metrics>> metrics = Metrics::Open(request->options.metrics);
  if (!metrics.ok()) return Fail(metrics.status(), kExitUsage);
  const absl::StatusOr<FileDescriptor> output = OpenOutput(request->options.output);
  if (!output.ok()) return Fail(output.status(), kExitUsage);
  BenchResult result = Measure(request->runs, *plan, **metrics, cli::WatchForInterruption());
  result.command_line = {"penstock", "bench"};
  result.command_line.insert(result.command_line.end(), arguments.begin(), arguments.end());
  const absl::Status written = Write(output->get(), Format(result, request->options.output_format));
  return written.ok() ? ExitStatus(result) : Fail(written, kExitFailed);
}

}  // namespace penstock::bench
