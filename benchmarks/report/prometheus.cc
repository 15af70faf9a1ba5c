// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/prometheus.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "benchmarks/cli/one_line.h"

namespace penstock::report {
namespace {

struct Metric {
  const char* name;
  const char* type;
  const char* meaning;
  double (*value)(const RunRecord& run);
};

constexpr Metric kMetrics[] = {
    {"run_agrees", "gauge", "1 if the run ended well and its counters agree with what it claims, 0 if not.",
     [](const RunRecord& run) { return run.Counts() ? 1.0 : 0.0; }},
    {"run_seconds", "gauge", "How long was measured.", [](const RunRecord& run) { return run.seconds; }},
    {"reads_total", "counter", "Reads that ended.", [](const RunRecord& run) { return run.reads; }},
    {"read_bytes_total", "counter", "Bytes of them.", [](const RunRecord& run) { return run.bytes; }},
    {"reads_per_second", "gauge", "Reads a second.", [](const RunRecord& run) { return run.iops; }},
    {"read_bytes_per_second", "gauge", "Bytes a second.", [](const RunRecord& run) { return run.bytes_per_second; }},
    {"cpu_seconds_per_read", "gauge", "CPU time of the process a read.",
     [](const RunRecord& run) { return run.processor.ns_per_read / 1e9; }},
    {"system_calls_per_read", "gauge", "System calls a read.",
     [](const RunRecord& run) { return run.processor.system_calls_per_read; }},
    {"copied_bytes_total", "counter", "Bytes that the CPU copied.", [](const RunRecord& run) { return run.proof.bytes_copied; }},
    {"nvme_commands_total", "counter", "NVMe commands that were given.", [](const RunRecord& run) { return run.proof.commands; }},
    {"verified_bytes_total", "counter", "Bytes that the kernel compared.",
     [](const RunRecord& run) { return run.proof.verified_bytes; }},
};

struct Quantile {
  const char* name;
  double Latency::*value;
};

constexpr Quantile kQuantiles[] = {{"0.5", &Latency::p50},
                                   {"0.9", &Latency::p90},
                                   {"0.99", &Latency::p99},
                                   {"0.999", &Latency::p99_9},
                                   {"0.9999", &Latency::p99_99}};

std::string Quoted(const std::string& value) {
  return absl::StrCat("\"", absl::StrReplaceAll(cli::ValidUtf8(value), {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
}

std::string LabelsOf(const Result& result, size_t index) {
  const RunRecord& run = result.runs[index];
  return absl::StrCat("result=", Quoted(result.name), ",run=\"", index, "\",rw=", Quoted(run.job.access),
                      ",path=", Quoted(run.job.path), ",device=", Quoted(run.job.device), ",op=", Quoted(run.job.operation),
                      ",bs_min=\"", run.job.min_block_bytes, "\",bs_max=\"", run.job.max_block_bytes, "\",iodepth=\"",
                      run.job.iodepth, "\",numjobs=\"", run.job.numjobs, "\",loop=\"", run.job.loop, "\",status=\"",
                      StatusName(run.status), "\"");
}

void AppendHead(std::string& out, const char* name, const char* type, const char* meaning) {
  absl::StrAppend(&out, "# HELP penstock_bench_", name, " ", meaning, "\n# TYPE penstock_bench_", name, " ", type, "\n");
}

void AppendSample(std::string& out, const std::string& name, const std::string& labels, double value) {
  absl::StrAppend(&out, "penstock_bench_", name, "{", labels, "} ", absl::StrFormat("%.9g", value), "\n");
}

void AppendStage(std::string& out, const std::string& labels, const char* stage, const Latency& latency) {
  const std::string all = absl::StrCat(labels, ",stage=\"", stage, "\"");
  for (const Quantile& quantile : kQuantiles) {
    AppendSample(out, "latency_seconds", absl::StrCat(all, ",quantile=\"", quantile.name, "\""), latency.*quantile.value / 1e9);
  }
  AppendSample(out, "latency_seconds_sum", all, latency.mean * latency.count / 1e9);
  AppendSample(out, "latency_seconds_count", all, latency.count);
}

void AppendLatencies(std::string& out, const RunRecord& run, const std::string& labels) {
  AppendStage(out, labels, "total", run.total);
  for (size_t i = 0; i < bench::kStageCount; ++i) {
    if (run.stage.of[i].has_value()) AppendStage(out, labels, bench::kStageNames[i], *run.stage.of[i]);
  }
}

/// Calls `function` with each measured run and its labels; of a run that was refused there is only that it does not agree.
template <typename Function>
void ForEachRun(absl::Span<const Result> results, bool only_measured, const Function& function) {
  for (const Result& result : results) {
    for (size_t i = 0; i < result.runs.size(); ++i) {
      if (!only_measured || result.runs[i].WasMeasured()) function(result.runs[i], LabelsOf(result, i));
    }
  }
}

}  // namespace

std::string PrometheusText(absl::Span<const Result> results) {
  std::string out;
  AppendHead(out, "info", "gauge", "1, with what made the result as labels.");
  for (const Result& result : results) {
    AppendSample(out, "info",
                 absl::StrCat("result=", Quoted(result.name), ",version=", Quoted(result.version),
                              ",git_revision=", Quoted(result.git_revision), ",started=", Quoted(result.started)),
                 1);
  }
  for (const Metric& metric : kMetrics) {
    AppendHead(out, metric.name, metric.type, metric.meaning);
    const bool only_measured = &metric != &kMetrics[0];
    ForEachRun(results, only_measured, [&](const RunRecord& run, const std::string& labels) {
      AppendSample(out, metric.name, labels, metric.value(run));
    });
  }
  AppendHead(out, "latency_seconds", "summary", "Time of a read in each stage, and in all (total).");
  ForEachRun(results, true, [&](const RunRecord& run, const std::string& labels) { AppendLatencies(out, run, labels); });
  AppendHead(out, "latency_max_seconds", "gauge", "The slowest read.");
  ForEachRun(results, true, [&](const RunRecord& run, const std::string& labels) {
    AppendSample(out, "latency_max_seconds", labels, run.total.max / 1e9);
  });
  return out;
}

}  // namespace penstock::report
