// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/result_file.h"

#include <errno.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "benchmarks/report/json_fields.h"
#include "penstock/error.h"

namespace penstock::report {
namespace {

constexpr size_t kMostBytes = size_t{256} << 20;
/// Of arrays and objects within each other. penstock bench writes 6.
constexpr size_t kMostDepth = 64;
constexpr const char* kStatusNames[] = {"ok", "refused", "failed", "partial", "disagrees"};  // in RunStatus' order

absl::Status Refuse(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

Job ReadJob(const JsonFields& fields) {
  Job job;
  fields.Read("name", job.name);
  fields.ReadJoined("volumes", job.volumes);
  fields.Read("rw", job.access);
  fields.Read("random_distribution", job.distribution);
  fields.Read("bs_min_bytes", job.min_block_bytes);
  fields.Read("bs_max_bytes", job.max_block_bytes);
  fields.Read("iodepth", job.iodepth);
  fields.Read("numjobs", job.numjobs);
  fields.ReadOrNull("rate_iops", job.rate_reads);
  fields.ReadOrNull("rate_bytes_per_second", job.rate_bytes);
  fields.Read("path", job.path);
  fields.Read("device", job.device);
  fields.Read("op", job.operation);
  fields.Read("iopoll", job.poll_device);
  fields.Read("sqpoll", job.kernel_thread);
  fields.Read("buffer", job.buffer);
  fields.Read("batch_submit", job.batch_submit);
  fields.Read("batch_complete", job.batch_complete);
  fields.ReadJoined("cpus", job.cpus);
  double node = 0;
  fields.ReadOrNull("numa", node);
  if (fields.Has("numa")) job.numa = absl::StrCat(node);
  bool huge_pages = false;
  if (fields.Has("hugepages")) fields.Read("hugepages", huge_pages);
  if (fields.Has("hugepages")) job.huge_pages = huge_pages ? "true" : "false";
  if (fields.Has("workgroups")) fields.Read("workgroups", job.workgroups);
  fields.Read("offset_bytes", job.offset_bytes);
  fields.Read("size_bytes", job.size_bytes);
  fields.Read("runtime_seconds", job.runtime_seconds);
  fields.Read("ramp_seconds", job.ramp_seconds);
  if (fields.Has("steady_fraction")) fields.Read("steady_fraction", job.steady_fraction);
  fields.Read("seed", job.seed);
  fields.Read("loop", job.loop);
  return job;
}

Latency ReadLatency(const JsonFields& fields) {
  Latency latency;
  fields.Read("count", latency.count);
  fields.Read("mean", latency.mean);
  fields.Read("min", latency.min);
  fields.Read("p50", latency.p50);
  fields.Read("p90", latency.p90);
  fields.Read("p99", latency.p99);
  fields.Read("p99_9", latency.p99_9);
  fields.Read("p99_99", latency.p99_99);
  fields.Read("max", latency.max);
  return latency;
}

void ReadStage(const JsonFields& stages, const char* key, std::optional<Latency>& stage) {
  if (stages.Has(key)) stage = ReadLatency(stages.Fields(key));
}

Processor ReadProcessor(const JsonFields& fields) {
  Processor processor;
  fields.Read("user_seconds", processor.user_seconds);
  fields.Read("system_seconds", processor.system_seconds);
  fields.ReadOrNull("ns_per_read", processor.ns_per_read);
  fields.ReadOrNull("system_calls_per_read", processor.system_calls_per_read);
  fields.Read("voluntary_switches", processor.voluntary_switches);
  fields.Read("involuntary_switches", processor.involuntary_switches);
  return processor;
}

Proof ReadProof(const JsonFields& fields) {
  Proof proof;
  fields.Read("agrees", proof.agrees);
  fields.ReadOrNull("bytes_copied_by_cpu", proof.bytes_copied);
  fields.ReadOrNull("commands", proof.commands);
  proof.controllers = fields.Array("controller");
  fields.ReadOrNull("verified_bytes", proof.verified_bytes);
  fields.Read("remarks", proof.remarks);
  fields.Read("contradictions", proof.contradictions);
  fields.Read("all_reads", proof.all_reads);
  fields.ReadOrNull("checked_bytes", proof.checked_bytes);
  for (size_t i = 0; i < fields.Array("block").size(); ++i) {
    double reads = 0;
    fields.Element("block", i).ReadOrNull("reads", reads);
    proof.block_layer_reads += reads;
  }
  return proof;
}

void ReadMeasured(const JsonFields& fields, RunRecord& run) {
  fields.Read("seconds", run.seconds);
  fields.Read("reads", run.reads);
  fields.Read("bytes", run.bytes);
  fields.Read("iops", run.iops);
  fields.Read("bytes_per_second", run.bytes_per_second);
  run.processor = ReadProcessor(fields.Fields("cpu"));
  const JsonFields stages = fields.Fields("latency_ns");
  // Without a single read there is no latency.
  if (run.reads > 0 || stages.Has("total")) run.total = ReadLatency(stages.Fields("total"));
  for (size_t i = 0; i < bench::kStageCount; ++i) ReadStage(stages, bench::kStageNames[i], run.stage.of[i]);
  fields.ReadOrNull("steady", run.steady);
  for (size_t i = 0; i < fields.Array("series").size(); ++i) {
    const JsonFields second = fields.Element("series", i);
    Second& out = run.series.emplace_back();
    second.Read("second", out.second);
    second.Read("iops", out.iops);
    second.Read("bytes_per_second", out.bytes_per_second);
    second.ReadOrNull("p99_ns", out.p99_ns);
  }
  run.proof = ReadProof(fields.Fields("proof"));
}

RunRecord ReadRun(const JsonFields& fields, const std::string& name, absl::Status& status) {
  RunRecord run;
  run.job = ReadJob(fields.Fields("job"));
  std::string word;
  fields.Read("status", word);
  if (!status.ok()) return run;
  const auto* const found = std::find(std::begin(kStatusNames), std::end(kStatusNames), word);
  if (found == std::end(kStatusNames)) {
    status = Refuse(absl::StrCat("result ", name, ": ", fields.PointerTo("status"), " is \"", word,
                                 "\", not ok, refused, failed, partial or disagrees"),
                    "measure again with the penstock that reads it");
    return run;
  }
  run.status = static_cast<RunStatus>(found - std::begin(kStatusNames));
  if (fields.Has("error")) {
    const JsonFields error = fields.Fields("error");
    error.Read("cause", run.cause);
    error.Read("remedy", run.remedy);
  }
  if (run.WasMeasured()) ReadMeasured(fields, run);
  return run;
}

absl::Status CheckSchema(const Json& document, const std::string& name) {
  if (!document.is_object() || !document.contains("schema")) {
    return Refuse(absl::StrCat(name, " is JSON, but no result of penstock bench: it has no /schema"),
                  "give it a file that penstock bench --output-format=json has written");
  }
  if (document["schema"] == kSchema) return absl::OkStatus();
  const Json& version = document.contains("version") ? document["version"] : document["schema"];
  return Refuse(absl::StrCat("result ", name, " has schema ", document["schema"].dump(), ", and this penstock reads \"", kSchema,
                             "\" (the file is of version ", version.dump(), ")"),
                "report it with the penstock that has measured it, or measure again");
}

/// How many arrays and objects lie within each other at most.
size_t DepthOf(absl::string_view text) {
  size_t depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (letter == '"') in_string = !in_string;
    if (in_string && letter == '\\') ++i;
    if (in_string) continue;
    if (letter == '[' || letter == '{') deepest = std::max(deepest, ++depth);
    if ((letter == ']' || letter == '}') && depth > 0) --depth;
  }
  return deepest;
}

absl::StatusOr<Json> ParseText(absl::string_view text, const std::string& name) {
  // Copying and writing a document calls itself for each level: what is deep enough overflows the stack.
  if (const size_t depth = DepthOf(text); depth > kMostDepth) {
    return Refuse(absl::StrCat("result ", name, " has ", depth, " arrays and objects within each other, more than ", kMostDepth),
                  "give it a file that penstock bench --output-format=json has written");
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::exception& error) {
    std::string reason = error.what();
    reason = std::string(absl::StripPrefix(reason.substr(std::min(reason.find(']') + 1, reason.size())), " "));
    return Refuse(absl::StrCat("result ", name, " is no JSON: ", reason),
                  "give it a file that penstock bench --output-format=json has written, whole");
  }
}

}  // namespace

const char* StatusName(RunStatus status) { return kStatusNames[static_cast<size_t>(status)]; }

double Result::processors() const {
  const auto cpu = environment.find("cpu");
  if (cpu == environment.end() || !cpu->is_object() || !cpu->contains("processors")) return 0;
  const Json& count = (*cpu)["processors"];
  return count.is_number() ? count.get<double>() : 0;
}

absl::StatusOr<Result> ParseResult(absl::string_view text, std::string name) {
  PENSTOCK_ASSIGN_OR_RETURN(const Json document, ParseText(text, name));
  PENSTOCK_RETURN_IF_ERROR(CheckSchema(document, name));
  absl::Status status;
  Result result;
  result.name = std::move(name);
  const JsonFields fields(document, "", result.name, status);
  fields.Read("version", result.version);
  fields.Read("git_revision", result.git_revision);
  fields.Read("started", result.started);
  fields.Read("partial", result.partial);
  fields.Read("command_line", result.command_line);
  result.environment = fields.Object("environment");
  const JsonFields measurement = fields.Fields("measurement");
  measurement.Read("clock_ns", result.clock_ns);
  measurement.Read("overhead_ns_per_read", result.overhead_ns_per_read);
  for (size_t i = 0; i < fields.Array("run").size() && status.ok(); ++i) {
    result.runs.push_back(ReadRun(fields.Element("run", i), result.name, status));
  }
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<Result> ReadResultFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) {
    const absl::StatusCode code = errno == ENOENT ? absl::StatusCode::kNotFound : absl::StatusCode::kFailedPrecondition;
    return MakeErrnoError(code, errno, What(absl::StrCat("cannot open the result ", path)),
                          Fix("name a file that penstock bench has written and you may read"));
  }
  std::string text;
  char block[1 << 16];
  for (size_t count = 0; (count = std::fread(block, 1, sizeof block, file.get())) > 0;) {
    text.append(block, count);
    if (text.size() > kMostBytes) {
      return Refuse(absl::StrCat("the result ", path, " is larger than 256 MiB"), "measure fewer points in one run");
    }
  }
  if (std::ferror(file.get()) != 0) {
    return MakeErrnoError(absl::StatusCode::kFailedPrecondition, errno, What(absl::StrCat("cannot read the result ", path)),
                          Fix("name a regular file on a disk that works"));
  }
  const std::string base = path.substr(path.rfind('/') + 1);
  return ParseResult(text, std::string(absl::StripSuffix(base, ".json")));
}

}  // namespace penstock::report
