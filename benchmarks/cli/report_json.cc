// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_format.h"
#include "benchmarks/cli/report.h"
#include "runtime/host/error_json.h"

namespace penstock::cli {
namespace {

using Json = nlohmann::ordered_json;

Json SourceJson(const SourceReport& source) {
  Json json = {{"name", source.name}, {"bytes", source.bytes}};
  json["path"] = source.path.has_value() ? Json(std::string(ReadPathName(*source.path))) : Json(nullptr);
  json["refusals"] = Json::array();
  for (const Refusal& refusal : source.refusals) {
    json["refusals"].push_back(
        {{"path", std::string(ReadPathName(refusal.path))}, {"cause", refusal.cause}, {"remedy", refusal.remedy}});
  }
  const OperationResult& result = source.result;
  if (result.crc32c.has_value()) json["crc32c"] = absl::StrFormat("%08x", *result.crc32c);
  if (result.histogram.has_value()) json["histogram"] = *result.histogram;
  if (result.matches.has_value()) json["matches"] = *result.matches;
  if (result.first_difference.has_value()) {
    json["first_difference"] = *result.first_difference == layout::kNoDifference ? Json(nullptr) : Json(*result.first_difference);
  }
  if (!source.note.empty()) json["note"] = source.note;
  json["error"] = host::ErrorJson(source.status);
  return json;
}

Json ReadsJson(const Reader::Counts& reads) {
  return {{"submitted", reads.submitted},
          {"completed", reads.completed},
          {"failed", reads.failed},
          {"resubmitted", reads.resubmitted}};
}

Json PathJson(const PathReport& path) {
  return {{"path", std::string(ReadPathName(path.path))},
          {"bytes", path.bytes},
          {"reads", ReadsJson(path.reads)},
          {"nvme_commands", path.commands},
          {"bounce_bytes", path.bounce_bytes}};
}

Json ControllerJson(const ControllerCounts& counts) {
  Json json = {{"name", counts.controller.name},
               {"pci_address", counts.controller.pci_address},
               {"model", counts.controller.model},
               {"serial", counts.controller.serial},
               {"firmware", counts.controller.firmware}};
  json["read_commands"] = counts.status.ok() ? Json(counts.read_commands) : Json(nullptr);
  json["data_units_read"] = counts.status.ok() ? Json(counts.data_units_read) : Json(nullptr);
  json["block_layer_reads"] = counts.block_layer_reads;
  json["error"] = host::ErrorJson(counts.status);
  return json;
}

/// Null where nothing was measured: a kernel that pulls is not watched read by read, nor slot by slot.
Json LatencyJson(const LatencyHistogram& latency) {
  if (latency.count() == 0) return nullptr;
  return {{"p50", latency.Percentile(0.5)},
          {"p99", latency.Percentile(0.99)},
          {"p999", latency.Percentile(0.999)},
          {"max", latency.max_ns()}};
}

Json RefusalJson(const std::optional<DeviceRefusal>& refusal) {
  if (!refusal.has_value()) return nullptr;
  return {{"device", refusal->device}, {"cause", refusal->cause}, {"remedy", refusal->remedy}};
}

Json ServiceJson(const std::optional<IoServiceCounts>& counts) {
  if (!counts.has_value()) return nullptr;
  return {{"requests", counts->requests},
          {"batches", counts->batches},
          {"service_ns", counts->service_ns},
          {"transfer_ns", counts->transfer_ns}};
}

}  // namespace

std::string FormatReportJson(const CommandLine& line, const RunReport& run) {
  const IngestReport& report = run.ingest;
  Json json = {{"version", PENSTOCK_VERSION}, {"operation", line.operation}, {"device", run.device.name}};
  json["device_refusal"] = RefusalJson(run.device.refusal);
  json["workgroups"] = run.device.workgroups;
  json["chunk_bytes"] = line.chunk_bytes;
  json["depth"] = line.depth;
  json["offset_bytes"] = line.offset_bytes;
  json["length_bytes"] = line.length_bytes.has_value() ? Json(*line.length_bytes) : Json(nullptr);
  json["shuffle_seed"] = line.shuffle_seed.has_value() ? Json(*line.shuffle_seed) : Json(nullptr);
  json["pages"] = report.pages;
  json["source"] = Json::array();
  for (const SourceReport& source : report.sources) json["source"].push_back(SourceJson(source));
  json["bytes"] = report.statistics.bytes;
  json["seconds"] = report.seconds;
  json["bytes_per_second"] = report.seconds > 0 ? static_cast<double>(report.statistics.bytes) / report.seconds : 0.0;
  json["reads"] = ReadsJson(report.reads);
  json["bounce_bytes"] = report.bounce_bytes;
  json["path"] = Json::array();
  for (const PathReport& path : report.paths) json["path"].push_back(PathJson(path));
  json["controller"] = Json::array();
  for (const ControllerCounts& counts : report.controllers) json["controller"].push_back(ControllerJson(counts));
  json["io_service"] = ServiceJson(report.service);
  json["latency_ns"] = {{"read", LatencyJson(report.statistics.read_latency)},
                        {"slot", LatencyJson(report.statistics.slot_latency)}};
  json["error"] = host::ErrorJson(report.status);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::cli
