// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/bench/result_file.h"
#include "benchmarks/cli/byte_size.h"
#include "benchmarks/cli/one_line.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

std::string PathOf(const Job& job) { return std::string(ReadPathName(job.path)); }
std::string Duration(uint64_t ns) { return FormatNs(static_cast<double>(ns)); }

const char* AgreesName(const RunResult& run) {
  if (!run.is_judged()) return "";
  return run.proof.contradictions.empty() ? "yes" : "no";
}

double PerSecond(const RunResult& run, uint64_t count) { return run.seconds > 0 ? static_cast<double>(count) / run.seconds : 0; }
double PerRead(const RunResult& run, double count) { return run.reads > 0 ? count / static_cast<double>(run.reads) : 0; }
double CpuNs(const RunResult& run) { return (run.usage.user_seconds + run.usage.system_seconds) * 1e9; }

/// What speaks for the run's path: or what does not.
std::string ProofOf(const RunResult& run) {
  if (!run.proof.contradictions.empty()) return "DISAGREES";
  std::vector<std::string> seen;
  if (run.proof.commands > 0) seen.push_back(absl::StrCat(run.proof.commands, " commands"));
  for (const BlockCounts& counts : run.proof.blocks) {
    if (counts.reads > 0) seen.push_back(absl::StrCat(counts.reads, " reads of ", counts.device));
  }
  if (run.proof.bytes_copied_by_cpu > 0) seen.emplace_back("copied by the CPU");
  const uint64_t checked = run.proof.checked_bytes + run.proof.verified_bytes;
  if (checked > 0) seen.push_back(absl::StrCat(cli::FormatBytes(static_cast<double>(checked)), " checked"));
  return seen.empty() ? "-" : absl::StrJoin(seen, ", ");
}

constexpr char kRow[] = "%-6s %-8s %*s %5s %4s %10s %12s %9s %9s %9s %9s %6s  %s\n";

/// Of the column of block sizes: from one size to another is longer than a size.
int BlockWidthOf(absl::Span<const RunResult> runs) {
  size_t width = 11;
  for (const RunResult& run : runs) width = std::max(width, BlockName(run.job).size());
  return static_cast<int>(width);
}

std::string Row(const RunResult& run, int block_width) {
  const Latency& total = run.latency.total;
  return absl::StrFormat(kRow, PathOf(run.job), AccessName(run.job), block_width, BlockName(run.job),
                         absl::StrCat(run.job.iodepth), absl::StrCat(run.job.numjobs),
                         absl::StrFormat("%.0f", PerSecond(run, run.reads)),
                         absl::StrCat(cli::FormatBytes(PerSecond(run, run.bytes)), "/s"), Duration(total.p50_ns),
                         Duration(total.p99_ns), Duration(total.p99_9_ns), FormatNs(PerRead(run, CpuNs(run))),
                         absl::StrFormat("%.2f", PerRead(run, static_cast<double>(run.usage.system_calls))), ProofOf(run));
}

/// Where the mean read's time went, in parts of it.
std::string StageLine(const RunResult& run) {
  const double total = run.latency.total.mean_ns;
  if (total <= 0) return "";
  std::vector<std::string> shares;
  for (size_t i = 0; i < kStageCount; ++i) {
    const Latency& stage = run.latency.stage.of[i];
    if (stage.count > 0) shares.push_back(absl::StrFormat("%s %.0f %%", kStageNames[i], 100 * stage.mean_ns / total));
  }
  return absl::StrCat("       mean ", FormatNs(total), ": ", absl::StrJoin(shares, ", "), "\n");
}

std::string Remarks(const RunResult& run) {
  std::string text;
  if (!run.status.ok()) absl::StrAppend(&text, "       ", NameOf(run.verdict), ": ", cli::OneLine(run.status.message()), "\n");
  if (run.verdict == Verdict::kPartial) absl::StrAppend(&text, "       partial: it was ended before its time\n");
  if (run.steady.has_value()) absl::StrAppend(&text, "       ", *run.steady ? "steady\n" : "it did not become steady\n");
  for (const std::string& note : run.notes) absl::StrAppend(&text, "       note: ", cli::OneLine(note), "\n");
  for (const std::string& contradiction : run.proof.contradictions)
    absl::StrAppend(&text, "       ! ", cli::OneLine(contradiction), "\n");
  return text;
}

/// What is the same for all loops of a point.
Job PointOf(Job job) {
  job.loop = 0;
  return job;
}

std::string SpreadLines(absl::Span<const RunResult> runs) {
  std::string text;
  for (const std::vector<size_t>& places : Repetitions(runs)) {
    std::vector<double> iops;
    for (const size_t place : places) iops.push_back(PerSecond(runs[place], runs[place].reads));
    const Spread spread = SpreadOf(iops);
    const Job& job = runs[places.front()].job;
    absl::StrAppendFormat(&text, "%s %s %s depth %d jobs %d: median of %d runs %.0f IOPS, %.0f to %.0f, deviation %.1f %%\n",
                          PathOf(job), AccessName(job), BlockName(job), job.iodepth, job.numjobs, places.size(), spread.median,
                          spread.min, spread.max, 100 * spread.relative_deviation);
  }
  return text;
}

}  // namespace

std::string AccessName(const Job& job) { return job.access == Access::kRead ? "read" : "randread"; }

std::string BlockName(const Job& job) {
  const std::string least = cli::FormatBytes(job.min_block_bytes);
  return job.min_block_bytes == job.max_block_bytes ? least : absl::StrCat(least, "-", cli::FormatBytes(job.max_block_bytes));
}

std::string FormatNs(double ns) {
  static constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
  int unit = 0;
  for (; ns >= 1000 && unit < 3; ++unit) ns /= 1000;
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : (ns < 10 ? 2 : (ns < 100 ? 1 : 0)), ns, kUnits[unit]);
}

std::string NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk: return "ok";
    case Verdict::kRefused: return "refused";
    case Verdict::kFailed: return "failed";
    case Verdict::kPartial: return "partial";
    case Verdict::kDisagrees: return "disagrees";
  }
  return "?";
}

std::string RunnerName(const Job& job) {
  switch (job.runner) {
    case Runner::kNone: return "none";
    case Runner::kCpu: return "cpu";
    case Runner::kHip: return absl::StrCat("hip:", job.gpu_index);
  }
  return "?";
}

std::vector<std::vector<size_t>> Repetitions(absl::Span<const RunResult> runs) {
  std::vector<Job> points;
  std::vector<std::vector<size_t>> places;  // by point
  for (size_t place = 0; place < runs.size(); ++place) {
    if (runs[place].verdict != Verdict::kOk || runs[place].seconds <= 0) continue;
    const Job point = PointOf(runs[place].job);
    const auto index = static_cast<size_t>(std::find(points.begin(), points.end(), point) - points.begin());
    if (index == points.size()) {
      points.push_back(point);
      places.emplace_back();
    }
    places[index].push_back(place);
  }
  std::erase_if(places, [](const std::vector<size_t>& of_a_point) { return of_a_point.size() < 2; });
  return places;
}

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto count = static_cast<double>(values.size());
  const size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double deviation = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  return {median, values.front(), values.back(), mean > 0 ? deviation / mean : 0};
}

std::string FormatTable(const BenchResult& result) {
  const int block_width = BlockWidthOf(result.runs);
  std::string text = absl::StrFormat(kRow, "path", "rw", block_width, "bs", "depth", "jobs", "IOPS", "bandwidth", "p50", "p99",
                                     "p99.9", "CPU/read", "calls", "proof");
  for (const RunResult& run : result.runs) {
    if (run.verdict == Verdict::kRefused) {
      absl::StrAppendFormat(&text, "%-6s %-8s %*s refused: %s\n", PathOf(run.job), AccessName(run.job), block_width,
                            BlockName(run.job), cli::OneLine(run.status.message()));
      continue;
    }
    absl::StrAppend(&text, Row(run, block_width), StageLine(run), Remarks(run));
  }
  absl::StrAppend(&text, SpreadLines(result.runs));
  absl::StrAppendFormat(&text, "measuring takes %.0f ns of each read%s\n", result.cost.read_ns,
                        result.is_partial ? "; ended before all was run" : "");
  return text;
}

std::string FormatCsv(const BenchResult& result) {
  std::string text =
      "job,rw,path,bs_min_bytes,bs_max_bytes,iodepth,numjobs,device,op,loop,status,seconds,reads,bytes,iops,bytes_per_second,"
      "mean_ns,p50_ns,p90_ns,p99_ns,p99_9_ns,p99_99_ns,max_ns,cpu_ns_per_read,system_calls_per_read,agrees\n";
  for (const RunResult& run : result.runs) {
    const Job& job = run.job;
    const Latency& total = run.latency.total;
    std::string name = job.name;
    std::replace_if(
        name.begin(), name.end(), [](char letter) { return letter == ',' || letter == '"' || letter == '\n'; }, '_');
    absl::StrAppendFormat(&text, "%s,%s,%s,%d,%d,%d,%d,%s,%s,%d,%s,%.6f,%d,%d,%.3f,%.1f,", name, AccessName(job), PathOf(job),
                          job.min_block_bytes, job.max_block_bytes, job.iodepth, job.numjobs, RunnerName(job), job.operation,
                          job.loop, NameOf(run.verdict), run.seconds, run.reads, run.bytes, PerSecond(run, run.reads),
                          PerSecond(run, run.bytes));
    absl::StrAppendFormat(&text, "%.1f,%d,%d,%d,%d,%d,%d,%.1f,%.4f,%s\n", total.mean_ns, total.p50_ns, total.p90_ns, total.p99_ns,
                          total.p99_9_ns, total.p99_99_ns, total.max_ns, PerRead(run, CpuNs(run)),
                          PerRead(run, static_cast<double>(run.usage.system_calls)), AgreesName(run));
  }
  return text;
}

}  // namespace penstock::bench
