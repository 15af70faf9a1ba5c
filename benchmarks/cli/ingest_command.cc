// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/ingest_command.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>

#include "absl/strings/str_format.h"
#include "benchmarks/cli/device_choice.h"
#include "benchmarks/cli/interruption.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/cli/progress_line.h"
#include "benchmarks/cli/report.h"
#include "benchmarks/cli/source_list.h"
#include "benchmarks/cli/standard_output.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/ingest.h"
#include "penstock/pull.h"

namespace penstock::cli {
namespace {

absl::StatusOr<std::unique_ptr<Operation>> MakeOperation(const CommandLine& line) {
  if (line.operation == "histogram") return MakeHistogramOperation();
  if (line.operation == "match") return MakeMatchOperation(line.patterns);
  if (line.operation == "verify") return MakeVerifyOperation(line.patterns.front());
  if (line.operation == "none") return MakeNoOperation();
  return MakeCrc32cOperation();
}

void DumpRing(const Device& device) {
  const layout::Counters counters = device.counters();
  absl::FPrintF(stderr, "\n%sdone %d, faults %d, deferred %d, claims by ageing %d, heartbeat %d, doorbell polls %d\n",
                device.ring().Dump(), counters.done, counters.faults, counters.yields, counters.starvation, counters.heartbeat,
                counters.doorbell_polls);
}

int ExitStatus(const IngestReport& report) {
  const bool differs = std::any_of(report.sources.begin(), report.sources.end(), [](const SourceReport& source) {
    return source.result.first_difference.value_or(layout::kNoDifference) != layout::kNoDifference;
  });
  return report.status.ok() && !differs ? 0 : kExitFailed;
}

/// The kernel's own reads want every source open at once; as many files as the system lets this process have.
void AllowManyOpenFiles() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

absl::StatusOr<RunReport> Run(const CommandLine& line, const std::atomic<bool>& interrupted) {
  PENSTOCK_ASSIGN_OR_RETURN(const SourceList sources, ListSources(line.sources, {line.offset_bytes, line.length_bytes}));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<Operation> operation, MakeOperation(line));
  PENSTOCK_ASSIGN_OR_RETURN(const ChosenDevice chosen, ChooseDevice(line));
  Device& device = *chosen.device;
  if (line.pull) AllowManyOpenFiles();
  ProgressLine progress(sources.bytes);
  uint64_t next_dump_ns = 0;
  IngestOptions options;
  options.path = line.path;
  PENSTOCK_ASSIGN_OR_RETURN(options.make_pool, PoolMakerOf(line.buffer, device));
  options.poll_device = line.poll_device;
  options.kernel_thread = line.kernel_thread;
  options.chunk_bytes = line.chunk_bytes;
  options.depth = line.depth;
  options.offset_bytes = line.offset_bytes;
  options.length_bytes = line.length_bytes;
  options.shuffle_seed = line.shuffle_seed;
  options.read_timeout = absl::Seconds(line.read_timeout_seconds);
  options.cancel = &interrupted;
  options.progress = [&](uint64_t bytes) {
    progress.Update(bytes);
    if (line.dump_ring_seconds <= 0 || MonotonicNs() < next_dump_ns) return;
    next_dump_ns = MonotonicNs() + static_cast<uint64_t>(line.dump_ring_seconds * 1e9);
    DumpRing(device);
  };
  absl::StatusOr<IngestReport> report =
      line.pull ? Pull(device, sources.names, *operation, options) : Ingest(device, sources.names, *operation, options);
  progress.Clear();
  if (line.dump_ring_seconds > 0) DumpRing(device);
  if (!report.ok()) return report.status();
  return RunReport{{device.name(), device.workgroups(), chosen.refusal}, *std::move(report)};
}

}  // namespace

int RunIngest(const CommandLine& line) {
  const std::atomic<bool>& interrupted = WatchForInterruption();
  const absl::StatusOr<RunReport> report = Run(line, interrupted);
  if (!report.ok()) {
    absl::FPrintF(stderr, "penstock: %s\n", OneLine(report.status().message()));
    return report.status().code() == absl::StatusCode::kInvalidArgument ? kExitUsage : kExitFailed;
  }
  const std::string text = line.json ? FormatReportJson(line, *report) : FormatReport(line, *report);
  const int written = Print(text);
  const absl::Status& status = report->ingest.status;
  if (!status.ok()) absl::FPrintF(stderr, "penstock: %s\n", OneLine(status.message()));
  if (written != 0) return kExitFailed;
  return interrupted.load() ? kExitInterrupted : ExitStatus(report->ingest);
}

}  // namespace penstock::cli
