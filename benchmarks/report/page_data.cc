// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/page_data.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "benchmarks/report/comparison.h"
#include "benchmarks/report/figures.h"
#include "benchmarks/report/statistics.h"
#include "benchmarks/report/summary.h"

namespace penstock::report {
namespace {

constexpr size_t kMostSeconds = 40000;  // of all runs together
constexpr size_t kLeastSecondsOfARun = 20;
constexpr size_t kMostSecondsOfARun = 240;  // more than a chart is wide

/// Five digits, and without a fraction where there is none.
Json Short(double value) {
  if (!std::isfinite(value)) return nullptr;
  double rounded = value;
  if (!absl::SimpleAtod(absl::StrFormat("%.5g", value), &rounded)) return value;
  if (rounded == std::floor(rounded) && std::fabs(rounded) < 9e15) return static_cast<int64_t>(rounded);
  return rounded;
}

template <typename Figure>
Json Medians(const Point& point, const Figure& figure) {
  return Short(Median(point.All(figure)));
}

Json SeriesJson(const Point& point, size_t most) {
  Json all = Json::array();
  for (const RunRecord* run : point.runs) {
    Json second = Json::array();
    Json iops = Json::array();
    Json p99 = Json::array();
    for (const Second& entry : Thinned(run->series, most)) {
      second.push_back(Short(entry.second));
      iops.push_back(Short(entry.iops));
      p99.push_back(entry.p99_ns.has_value() ? Short(*entry.p99_ns) : Json(nullptr));
    }
    all.push_back({std::move(second), std::move(iops), std::move(p99)});
  }
  return all;
}

Json NamesJson(const Point& point) {
  return {{"workload", point.workload},
          {"way", point.way},
          {"path", point.job.path},
          {"blocks", FormatBlocks(point.job)},
          {"bytes", (point.job.min_block_bytes + point.job.max_block_bytes) / 2},
          {"depth", point.job.iodepth}};
}

Json PointJson(const Point& point, size_t result, size_t most_seconds) {
  Json json = NamesJson(point);
  json["result"] = result;
  json["count"] = point.runs.size();
  json["left_out"] = point.others.size();
  if (point.runs.empty()) return json;
  const std::vector<double> iops = point.All(IopsOf);
  json["iops"] = Short(point.iops());
  json["iops_min"] = Short(*std::min_element(iops.begin(), iops.end()));
  json["iops_max"] = Short(*std::max_element(iops.begin(), iops.end()));
  json["bytes_per_second"] = Short(point.bytes_per_second());
  json["mean"] = Medians(point, [](const RunRecord& run) { return run.total.mean; });
  json["p50"] = Short(point.p50_ns());
  json["p90"] = Medians(point, [](const RunRecord& run) { return run.total.p90; });
  json["p99"] = Short(point.p99_ns());
  json["p99_9"] = Medians(point, [](const RunRecord& run) { return run.total.p99_9; });
  json["p99_99"] = Medians(point, [](const RunRecord& run) { return run.total.p99_99; });
  json["max"] = Medians(point, [](const RunRecord& run) { return run.total.max; });
  json["cpu_ns"] = Medians(point, [](const RunRecord& run) { return run.processor.ns_per_read; });
  json["system_calls"] = Medians(point, [](const RunRecord& run) { return run.processor.system_calls_per_read; });
  json["busy"] = Short(point.busy_processors());
  for (const double mean_ns : point.stages().stage.of) json["stages"].push_back(Short(mean_ns));
  json["series"] = SeriesJson(point, most_seconds);
  return json;
}

Json ProofJson(const Proof& proof) {
  return {{"agrees", proof.agrees},           {"copied", proof.bytes_copied},
          {"commands", proof.commands},       {"controllers", proof.controllers},
          {"all_reads", proof.all_reads},     {"block_layer_reads", proof.block_layer_reads},
          {"checked", proof.checked_bytes},   {"contradictions", proof.contradictions},
          {"verified", proof.verified_bytes}, {"remarks", proof.remarks}};
}

Json RunJson(const RunRecord& run, const Point& point, size_t result) {
  Json json = NamesJson(point);
  json["result"] = result;
  json["name"] = run.job.name;
  json["loop"] = run.job.loop;
  json["status"] = StatusName(run.status);
  json["counts"] = run.Counts();
  json["cause"] = run.cause;
  json["remedy"] = run.remedy;
  if (!run.WasMeasured()) return json;
  json["seconds"] = Short(run.seconds);
  json["reads"] = run.reads;
  json["bytes_read"] = run.bytes;
  json["iops"] = Short(run.iops);
  json["bytes_per_second"] = Short(run.bytes_per_second);
  json["p50"] = Short(run.total.p50);
  json["p99"] = Short(run.total.p99);
  json["p99_9"] = Short(run.total.p99_9);
  json["max"] = Short(run.total.max);
  json["cpu_ns"] = Short(run.processor.ns_per_read);
  json["system_calls"] = Short(run.processor.system_calls_per_read);
  json["switches"] = Short(run.processor.voluntary_switches + run.processor.involuntary_switches);
  json["steady"] = run.steady.has_value() ? Json(*run.steady) : Json(nullptr);
  json["proof"] = ProofJson(run.proof);
  return json;
}

Json ChoiceJson(const Choice& choice, double (*figure)(const RunRecord&)) {
  return {{"way", choice.best->way},
          {"path", choice.best->job.path},
          {"value", Short(Median(choice.best->All(figure)))},
          {"next", choice.next == nullptr ? Json(nullptr) : Json(choice.next->way)},
          {"margin", Short(choice.margin)},
          {"level", choice.is_level}};
}

Json SummaryJson(const Summary& summary) {
  Json json = {{"headline", summary.headline}, {"sentences", summary.sentences}, {"verdicts", Json::array()}};
  for (const Verdict& verdict : summary.verdicts) {
    json["verdicts"].push_back({{"workload", verdict.workload},
                                {"blocks", verdict.blocks},
                                {"depth", verdict.iodepth},
                                {"iops", ChoiceJson(verdict.iops, IopsOf)},
                                {"bytes_per_second", Short(verdict.iops.best->bytes_per_second())},
                                {"p99", ChoiceJson(verdict.p99, P99Of)},
                                {"limit", LimitName(verdict.limit.kind)},
                                {"reason", verdict.limit.reason}});
  }
  return json;
}

Json ResultJson(const Result& result, absl::Span<const Point> points) {
  Json json = {{"name", result.name},
               {"started", result.started},
               {"version", result.version},
               {"revision", result.git_revision},
               {"partial", result.partial},
               {"command", result.command_line},
               {"clock_ns", Short(result.clock_ns)},
               {"overhead_ns", Short(result.overhead_ns_per_read)},
               {"environment", result.environment}};
  json["shared"] = Json::array();
  for (const auto& [name, value] : SharedSettings(result)) json["shared"].push_back({name, value});
  json["summary"] = SummaryJson(SummaryOf(result, points));
  return json;
}

const char* FindingName(Finding finding) {
  switch (finding) {
    case Finding::kTooFewRuns: return "too few runs";
    case Finding::kLevel: return "level";
    case Finding::kBetter: return "better";
    case Finding::kWorse: break;
  }
  return "worse";
}

Json DifferenceJson(const Difference& difference) {
  return {{"before", Short(difference.before)},
          {"after", Short(difference.after)},
          {"runs", {difference.runs_before, difference.runs_after}},
          {"p", difference.p.has_value() ? Short(*difference.p) : Json(nullptr)},
          {"finding", FindingName(difference.finding)}};
}

Json ComparisonJson(const Comparison& comparison, size_t before, size_t after) {
  Json json = {{"before", before},
               {"after", after},
               {"only_before", comparison.only_before},
               {"only_after", comparison.only_after},
               {"points", Json::array()}};
  for (const ComparedPoint& point : comparison.points) {
    Json row = NamesJson(*point.before);
    row["iops"] = DifferenceJson(point.iops);
    row["bytes_per_second"] = DifferenceJson(point.bytes_per_second);
    row["p99"] = DifferenceJson(point.p99_ns);
    row["cpu_ns"] = DifferenceJson(point.processor_ns);
    json["points"].push_back(std::move(row));
  }
  return json;
}

}  // namespace

std::vector<Second> Thinned(const std::vector<Second>& series, size_t most) {
  if (series.size() <= most) return series;
  const size_t together = (series.size() + most - 1) / most;
  std::vector<Second> thin;
  for (size_t begin = 0; begin < series.size(); begin += together) {
    const size_t end = std::min(begin + together, series.size());
    Second& joined = thin.emplace_back(series[begin]);
    for (size_t i = begin + 1; i < end; ++i) {
      joined.iops += series[i].iops;
      joined.bytes_per_second += series[i].bytes_per_second;
      joined.p99_ns = std::max(joined.p99_ns, series[i].p99_ns);
    }
    joined.iops /= static_cast<double>(end - begin);
    joined.bytes_per_second /= static_cast<double>(end - begin);
  }
  return thin;
}

Json PageData(absl::Span<const Result> results) {
  const std::vector<Point> points = PointsOf(results);
  size_t run_count = 1;
  for (const Result& result : results) run_count += result.runs.size();
  const size_t most_seconds = std::clamp(kMostSeconds / run_count, kLeastSecondsOfARun, kMostSecondsOfARun);

  Json data = {{"results", Json::array()}, {"points", Json::array()}, {"runs", Json::array()}, {"comparisons", Json::array()}};
  std::vector<absl::Span<const Point>> of_result;
  size_t first = 0;
  for (size_t r = 0; r < results.size(); ++r) {
    size_t count = 0;
    while (first + count < points.size() && points[first + count].result == &results[r]) ++count;
    of_result.push_back(absl::MakeConstSpan(points).subspan(first, count));
    first += count;
    data["results"].push_back(ResultJson(results[r], of_result[r]));
    for (const Point& point : of_result[r]) {
      data["points"].push_back(PointJson(point, r, most_seconds));
      for (const RunRecord* run : point.runs) data["runs"].push_back(RunJson(*run, point, r));
      for (const RunRecord* run : point.others) data["runs"].push_back(RunJson(*run, point, r));
    }
    if (r > 0) data["comparisons"].push_back(ComparisonJson(Compare(of_result[0], of_result[r]), 0, r));
  }
  return data;
}

}  // namespace penstock::report
