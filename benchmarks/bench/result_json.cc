// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench/result_file.h"
#include "runtime/host/error_json.h"

namespace penstock::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string DistributionName(const RandomDistribution& distribution) {
  return distribution.zipf_theta > 0 ? absl::StrCat("zipf:", distribution.zipf_theta) : "uniform";
}

std::string BufferName(const cli::BufferChoice& buffer) {
  switch (buffer.kind) {
    case cli::BufferChoice::Kind::kPinned: return "pinned";
    case cli::BufferChoice::Kind::kPeerMemory: return absl::StrCat("p2pmem:", buffer.pci_address);
    case cli::BufferChoice::Kind::kWindow: break;
  }
  return buffer.window_number.has_value() ? absl::StrCat("window:", *buffer.window_number) : "window";
}

Json JobJson(const Job& job) {
  Json json = {{"name", job.name},
               {"volumes", job.volumes},
               {"rw", AccessName(job)},
               {"random_distribution", DistributionName(job.distribution)},
               {"bs_min_bytes", job.min_block_bytes},
               {"bs_max_bytes", job.max_block_bytes},
               {"iodepth", job.iodepth},
               {"numjobs", job.numjobs},
               {"runtime_seconds", job.runtime_seconds},
               {"ramp_seconds", job.ramp_seconds},
               {"offset_bytes", job.offset_bytes},
               {"size_bytes", job.size_bytes},
               {"rate_iops", job.rate_reads},
               {"rate_bytes_per_second", job.rate_bytes},
               {"steady_fraction", job.steady_fraction},
               {"path", std::string(ReadPathName(job.path))},
               {"device", RunnerName(job)},
               {"workgroups", job.workgroups},
               {"op", job.operation}};
  json["iopoll"] = job.poll_device;
  json["sqpoll"] = job.kernel_thread;
  json["hugepages"] = job.huge_pages.has_value() ? Json(*job.huge_pages) : Json(nullptr);
  json["buffer"] = BufferName(job.buffer);
  json["batch_submit"] = job.batch_submit;
  json["batch_complete"] = job.batch_complete;
  json["cpus"] = job.cpus;
  json["numa"] = job.numa.has_value() ? Json(*job.numa) : Json(nullptr);
  json["seed"] = job.seed;
  json["loop"] = job.loop;
  return json;
}

Json LatencyJson(const Latency& latency) {
  if (latency.count == 0) return nullptr;
  return {{"count", latency.count},    {"mean", latency.mean_ns},     {"min", latency.min_ns},
          {"p50", latency.p50_ns},     {"p90", latency.p90_ns},       {"p99", latency.p99_ns},
          {"p99_9", latency.p99_9_ns}, {"p99_99", latency.p99_99_ns}, {"max", latency.max_ns}};
}

Json StagesJson(const StageLatencies& stages) {
  Json json = {{"total", LatencyJson(stages.total)}};
  for (size_t i = 0; i < kStageCount; ++i) json[kStageNames[i]] = LatencyJson(stages.stage.of[i]);
  return json;
}

Json CpuJson(const RunResult& run) {
  const double reads = static_cast<double>(run.reads);
  const double nanoseconds = (run.usage.user_seconds + run.usage.system_seconds) * 1e9;
  return {{"user_seconds", run.usage.user_seconds},
          {"system_seconds", run.usage.system_seconds},
          {"ns_per_read", run.reads > 0 ? Json(nanoseconds / reads) : Json(nullptr)},
          {"system_calls_per_read", run.reads > 0 ? Json(static_cast<double>(run.usage.system_calls) / reads) : Json(nullptr)},
          {"voluntary_switches", run.usage.voluntary_switches},
          {"involuntary_switches", run.usage.involuntary_switches}};
}

Json SeriesJson(const std::vector<Second>& series) {
  Json json = Json::array();
  for (size_t i = 0; i < series.size(); ++i) {
    json.push_back({{"second", i + 1},
                    {"iops", series[i].reads},
                    {"bytes_per_second", series[i].bytes},
                    {"p99_ns", series[i].reads > 0 ? Json(series[i].p99_ns) : Json(nullptr)}});
  }
  return json;
}

Json ProofJson(const RunResult& run) {
  const Proof& proof = run.proof;
  Json json = {{"agrees", run.is_judged() ? Json(proof.contradictions.empty()) : Json(nullptr)},
               {"all_reads", proof.all_reads},
               {"all_bytes", proof.all_bytes},
               {"bytes_copied_by_cpu", proof.bytes_copied_by_cpu},
               {"commands", proof.commands},
               {"checked_bytes", proof.checked_bytes},
               {"verified_bytes", proof.verified_bytes}};
  json["controller"] = Json::array();
  for (const ControllerCounts& counts : proof.controllers) {
    json["controller"].push_back({{"name", counts.controller.name},
                                  {"read_commands", counts.status.ok() ? Json(counts.read_commands) : Json(nullptr)},
                                  {"data_units_read", counts.status.ok() ? Json(counts.data_units_read) : Json(nullptr)},
                                  {"block_layer_reads", counts.block_layer_reads}});
  }
  json["block"] = Json::array();
  for (const BlockCounts& counts : proof.blocks) {
    json["block"].push_back({{"device", counts.device}, {"reads", counts.reads}, {"bytes", counts.bytes}});
  }
  json["contradictions"] = proof.contradictions;
  json["remarks"] = proof.remarks;
  return json;
}

Json RunJson(const RunResult& run) {
  const bool was_run = run.seconds > 0;
  Json json = {{"job", JobJson(run.job)}, {"status", NameOf(run.verdict)}, {"error", host::ErrorJson(run.status)}};
  json["seconds"] = run.seconds;
  json["reads"] = run.reads;
  json["bytes"] = run.bytes;
  json["iops"] = was_run ? static_cast<double>(run.reads) / run.seconds : 0;
  json["bytes_per_second"] = was_run ? static_cast<double>(run.bytes) / run.seconds : 0;
  json["device_name"] = run.device;
  json["pages"] = run.pages;
  json["notes"] = run.notes;
  json["cpu"] = CpuJson(run);
  json["latency_ns"] = StagesJson(run.latency);
  json["steady"] = run.steady.has_value() ? Json(*run.steady) : Json(nullptr);
  json["series"] = SeriesJson(run.series);
  json["proof"] = ProofJson(run);
  return json;
}

Json SpreadJson(std::vector<double> values) {
  const Spread spread = SpreadOf(std::move(values));
  return {{"median", spread.median}, {"min", spread.min}, {"max", spread.max}, {"relative_stddev", spread.relative_deviation}};
}

Json SpreadsJson(absl::Span<const RunResult> runs) {
  Json json = Json::array();
  for (const std::vector<size_t>& places : Repetitions(runs)) {
    std::vector<double> iops;
    std::vector<double> p99;
    for (const size_t place : places) {
      iops.push_back(static_cast<double>(runs[place].reads) / runs[place].seconds);
      p99.push_back(static_cast<double>(runs[place].latency.total.p99_ns));
    }
    json.push_back({{"run", places}, {"iops", SpreadJson(iops)}, {"p99_ns", SpreadJson(p99)}});
  }
  return json;
}

}  // namespace

std::string FormatJson(const BenchResult& result) {
  Json json = {{"schema", kResultSchema},           {"version", PENSTOCK_VERSION},
               {"git_revision", PENSTOCK_REVISION}, {"command_line", result.command_line},
               {"started", result.started},         {"partial", result.is_partial}};
  json["environment"] = result.environment;
  json["measurement"] = {{"clock_ns", result.cost.clock_ns}, {"overhead_ns_per_read", result.cost.read_ns}};
  json["run"] = Json::array();
  for (const RunResult& run : result.runs) json["run"].push_back(RunJson(run));
  json["spread"] = SpreadsJson(result.runs);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::bench
