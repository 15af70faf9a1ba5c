// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/cli/byte_size.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/cli/report.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

std::string FormatHistogram(const std::array<uint64_t, layout::kHistogramBins>& histogram) {
  const auto most = std::max_element(histogram.begin(), histogram.end());
  const auto distinct = std::count_if(histogram.begin(), histogram.end(), [](uint64_t count) { return count > 0; });
  if (distinct == 0) return "no bytes to count";
  return absl::StrFormat("%d byte values, most often 0x%02x (%d); all 256 counts with --json", distinct, most - histogram.begin(),
                         *most);
}

std::string FormatResult(const OperationResult& result) {
  if (result.crc32c.has_value()) return absl::StrFormat("crc32c %08x", *result.crc32c);
  if (result.matches.has_value()) return absl::StrCat(*result.matches, " matches");
  if (result.histogram.has_value()) return FormatHistogram(*result.histogram);
  if (result.first_difference == layout::kNoDifference) return "as it should be";
  if (result.first_difference.has_value()) return absl::StrCat("differs at byte ", *result.first_difference);
  return "";
}

void AppendSource(const SourceReport& source, std::string& text) {
  const std::string path(source.path.has_value() ? ReadPathName(*source.path) : "-");
  absl::StrAppendFormat(&text, "%10s  %-5s  %s  %s\n", FormatBytes(static_cast<double>(source.bytes)), path,
                        source.status.ok() ? FormatResult(source.result) : "FAILED", OneLine(source.name));
  for (const Refusal& refusal : source.refusals) {
    absl::StrAppendFormat(&text, "            not by %s: %s. Fix: %s.\n", std::string(ReadPathName(refusal.path)),
                          OneLine(refusal.cause), OneLine(refusal.remedy));
  }
  if (!source.note.empty()) absl::StrAppend(&text, "            note: ", source.note, "\n");
  if (!source.status.ok()) absl::StrAppend(&text, "            ", OneLine(source.status.message()), "\n");
}

/// Nothing where nothing was measured: a kernel that pulls is not watched slot by slot.
void AppendLatency(std::string_view name, const LatencyHistogram& latency, std::string& text) {
  if (latency.count() == 0) return;
  const auto us = [&](double fraction) { return static_cast<double>(latency.Percentile(fraction)) * 1e-3; };
  absl::StrAppendFormat(&text, "%s latency: p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us\n", std::string(name), us(0.5),
                        us(0.99), us(0.999), static_cast<double>(latency.max_ns()) * 1e-3);
}

void AppendPath(const PathReport& path, std::string& text) {
  absl::StrAppendFormat(&text, "path %s: %s in %d reads, %d failed, %d resubmitted; %s copied by the CPU",
                        std::string(ReadPathName(path.path)), FormatBytes(static_cast<double>(path.bytes)), path.reads.completed,
                        path.reads.failed, path.reads.resubmitted, FormatBytes(static_cast<double>(path.bounce_bytes)));
  if (path.commands > 0) absl::StrAppendFormat(&text, "; %d NVMe commands", path.commands);
  absl::StrAppend(&text, "\n");
}

void AppendController(const ControllerCounts& counts, std::string& text) {
  absl::StrAppend(&text, "controller ", counts.controller.name, " ", counts.controller.pci_address, ": ");
  if (counts.status.ok()) {
    absl::StrAppendFormat(&text, "it counted %d read commands, ", counts.read_commands);
  } else {
    absl::StrAppend(&text, "its own count is not known (", CauseOf(counts.status), "), ");
  }
  absl::StrAppendFormat(&text, "%d of the block layer's\n", counts.block_layer_reads);
}

/// How long requests of the kernel took, on average: in the service's hands, and of that between the read's start and its end.
void AppendService(const IoServiceCounts& counts, std::string& text) {
  const double requests = static_cast<double>(std::max<uint64_t>(counts.requests, 1));
  absl::StrAppendFormat(&text, "I/O service: %d requests, told of in %d batches; %.0f us each, of that %.0f us the read\n",
                        counts.requests, counts.batches, static_cast<double>(counts.service_ns) * 1e-3 / requests,
                        static_cast<double>(counts.transfer_ns) * 1e-3 / requests);
}

}  // namespace

std::string FormatReport(const CommandLine& line, const RunReport& run) {
  const IngestReport& report = run.ingest;
  std::string text;
  for (const SourceReport& source : report.sources) AppendSource(source, text);
  const double bytes = static_cast<double>(report.statistics.bytes);
  absl::StrAppendFormat(&text, "\n%s in %.3f s, %s/s; device %s, %d workgroups, chunk %s, depth %d, %s pages\n",
                        FormatBytes(bytes), report.seconds, FormatBytes(report.seconds > 0 ? bytes / report.seconds : 0),
                        run.device.name, run.device.workgroups, FormatBytes(line.chunk_bytes), line.depth, report.pages);
  if (const std::optional<DeviceRefusal>& refusal = run.device.refusal; refusal.has_value()) {
    absl::StrAppend(&text, "not on ", refusal->device, ": ", refusal->cause, ". Fix: ", refusal->remedy, ".\n");
  }
  for (const PathReport& path : report.paths) AppendPath(path, text);
  for (const ControllerCounts& counts : report.controllers) AppendController(counts, text);
  if (report.service.has_value()) AppendService(*report.service, text);
  AppendLatency("read", report.statistics.read_latency, text);
  AppendLatency("slot", report.statistics.slot_latency, text);
  return text;
}

}  // namespace penstock::cli
