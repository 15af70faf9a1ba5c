// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/io_latency/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/cli/byte_size.h"

namespace penstock::io_latency {
namespace {

using Json = nlohmann::ordered_json;

void AppendLatency(const char* name, const LatencyHistogram& latency, std::string& text) {
  const auto us = [](auto ns) { return static_cast<double>(ns) * 1e-3; };
  absl::StrAppendFormat(&text, "  %-14s%10.1f%10.1f%10.1f%10.1f\n", name, us(latency.mean_ns()), us(latency.Percentile(0.5)),
                        us(latency.Percentile(0.99)), us(latency.max_ns()));
}

Json LatencyJson(const LatencyHistogram& latency) {
  return {{"mean", latency.mean_ns()},
          {"p50", latency.Percentile(0.5)},
          {"p99", latency.Percentile(0.99)},
          {"max", latency.max_ns()}};
}

}  // namespace

void Results::Add(const KernelRun& run) {
  kernel_per_second.push_back(static_cast<double>(run.splits.size()) / run.seconds);
  for (const LatencySplit& split : run.splits) kernel.Record(split);
}

void Results::Add(const PumpedRun& run) {
  pump_per_second.push_back(static_cast<double>(run.statistics.chunks) / run.seconds);
  pump_read.Add(run.statistics.read_latency);
  pump_slot.Add(run.statistics.slot_latency);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<double> Ratios(const Results& results) {
  std::vector<double> ratios;
  for (size_t i = 0; i < results.kernel_per_second.size(); ++i) {
    ratios.push_back(results.kernel_per_second[i] / results.pump_per_second[i]);
  }
  return ratios;
}

std::string FormatText(const Options& options, const Results& results) {
  std::string text =
      absl::StrFormat("%s: %s a read at random offsets, depth %d, path %s, %d rounds of %d, %d workgroups\n", options.volume,
                      cli::FormatBytes(options.read_bytes), options.depth, std::string(ReadPathName(options.path)),
                      options.rounds, options.requests, options.workgroups);
  absl::StrAppendFormat(&text, "\nthe kernel asks: %.0f a second\n", Median(results.kernel_per_second));
  absl::StrAppendFormat(&text, "  %-14s%10s%10s%10s%10s\n", "us", "mean", "p50", "p99", "max");
  AppendLatency("request", results.kernel.request, text);
  AppendLatency("service", results.kernel.service, text);
  AppendLatency("device I/O", results.kernel.device_io, text);
  AppendLatency("landing seen", results.kernel.landing_seen, text);
  AppendLatency("total", results.kernel.total, text);
  absl::StrAppendFormat(&text, "the pump: %.0f a second\n", Median(results.pump_per_second));
  AppendLatency("read", results.pump_read, text);
  AppendLatency("slot", results.pump_slot, text);
  const std::vector<double> ratios = Ratios(results);
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  absl::StrAppendFormat(&text, "the kernel's rate by the pump's: %.2f (rounds: %.2f to %.2f)\n", Median(ratios), *least, *most);
  return text;
}

std::string FormatJson(const Options& options, const Results& results) {
  const SplitHistograms& kernel = results.kernel;
  const Json json = {{"volume", options.volume},
                     {"read_bytes", options.read_bytes},
                     {"depth", options.depth},
                     {"requests", options.requests},
                     {"path", std::string(ReadPathName(options.path))},
                     {"workgroups", options.workgroups},
                     {"kernel",
                      {{"requests_per_second", results.kernel_per_second},
                       {"latency_ns",
                        {{"request", LatencyJson(kernel.request)},
                         {"service", LatencyJson(kernel.service)},
                         {"device_io", LatencyJson(kernel.device_io)},
                         {"landing_seen", LatencyJson(kernel.landing_seen)},
                         {"total", LatencyJson(kernel.total)}}}}},
                     {"pump",
                      {{"requests_per_second", results.pump_per_second},
                       {"latency_ns", {{"read", LatencyJson(results.pump_read)}, {"slot", LatencyJson(results.pump_slot)}}}}},
                     {"kernel_to_pump", Ratios(results)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace penstock::io_latency
