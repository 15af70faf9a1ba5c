// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/google_benchmark.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "benchmarks/report/point.h"

namespace penstock::report {
namespace {

/// "randread/bs:4096/iodepth:32/nvme": compare.py filters names by regular expressions, so that they have no spaces.
std::string NameOf(const Point& point) {
  const std::string words = absl::StrCat(
      point.workload,
      "/bs:", point.job.min_block_bytes == point.job.max_block_bytes ? "" : absl::StrCat(point.job.min_block_bytes, "-"),
      point.job.max_block_bytes, "/iodepth:", point.job.iodepth, "/", point.way);
  return absl::StrReplaceAll(words, {{", ", "/"}, {" ", ":"}});
}

std::string WhyNot(const RunRecord& run) {
  if (!run.cause.empty()) return run.cause;
  if (run.status == RunStatus::kPartial) return "cut short";
  if (run.proof.agrees) return "no read ended";
  return "the counters disagree with what the run claims";
}

Json BenchmarkJson(const RunRecord& run, const Point& point, size_t family, size_t repetition) {
  const std::string name = NameOf(point);
  Json json = {{"name", name},
               {"family_index", family},
               {"per_family_instance_index", 0},
               {"run_name", name},
               {"run_type", "iteration"},
               {"repetitions", point.runs.size() + point.others.size()},
               {"repetition_index", repetition},
               {"threads", point.job.numjobs}};
  if (!run.Counts()) {
    json["error_occurred"] = true;
    json["error_message"] = WhyNot(run);
  }
  json["iterations"] = static_cast<uint64_t>(std::max(0.0, run.reads));
  json["real_time"] = run.iops > 0 ? 1e9 / run.iops : 0;
  json["cpu_time"] = run.processor.ns_per_read;
  json["time_unit"] = "ns";
  if (!run.WasMeasured()) return json;
  json["bytes_per_second"] = run.bytes_per_second;
  json["items_per_second"] = run.iops;
  json["p50_ns"] = run.total.p50;
  json["p99_ns"] = run.total.p99;
  json["p99.9_ns"] = run.total.p99_9;
  json["system_calls"] = run.processor.system_calls_per_read;
  return json;
}

bool ScalesFrequency(const Result& result) {
  const auto cpu = result.environment.find("cpu");
  if (cpu == result.environment.end() || !cpu->is_object() || !cpu->contains("governor")) return false;
  const Json& governor = (*cpu)["governor"];
  return governor.is_string() && governor != "performance";
}

}  // namespace

std::string GoogleBenchmarkJson(const Result& result) {
  Json json;
  json["context"] = {{"date", result.started},
                     {"executable", "penstock bench"},
                     {"num_cpus", result.processors()},
                     {"cpu_scaling_enabled", ScalesFrequency(result)},
                     {"caches", Json::array()},
                     {"load_avg", Json::array()},
                     {"library_build_type", "release"},
                     {"penstock_version", result.version},
                     {"git_revision", result.git_revision}};
  json["benchmarks"] = Json::array();
  size_t family = 0;
  for (const Point& point : PointsOf(absl::MakeConstSpan(&result, 1))) {
    size_t repetition = 0;
    for (const RunRecord* run : point.runs) json["benchmarks"].push_back(BenchmarkJson(*run, point, family, repetition++));
    for (const RunRecord* run : point.others) json["benchmarks"].push_back(BenchmarkJson(*run, point, family, repetition++));
    ++family;
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::report
