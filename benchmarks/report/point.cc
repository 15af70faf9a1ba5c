// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/point.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/report/figures.h"
#include "benchmarks/report/statistics.h"

namespace penstock::report {
namespace {

constexpr double kBucket = 1.0 / 128;  // of a histogram of latencies, as a part of what is in it

/// A field of a job that tells one point from another.
struct Field {
  const char* name;
  std::string (*text)(const Job& job);
  bool is_named;  // whether a label needs the field's name to be understood
};

std::string OnOff(bool on) { return on ? "on" : "off"; }

std::string RateText(const Job& job) {
  if (job.rate_reads > 0) return absl::StrFormat("%.9g/s", job.rate_reads);
  if (job.rate_bytes > 0) return absl::StrFormat("%.9g B/s", job.rate_bytes);
  return "none";
}

constexpr Field kWorkload[] = {
    {"rw", [](const Job& job) { return job.access; }, false},
    {"random_distribution", [](const Job& job) { return job.distribution; }, false},
    {"rate", RateText, true},
    {"device", [](const Job& job) { return job.device; }, true},
    {"op", [](const Job& job) { return job.operation; }, true},
    {"numjobs", [](const Job& job) { return absl::StrCat(job.numjobs); }, true},
    {"volumes", [](const Job& job) { return job.volumes; }, false},
    {"offset", [](const Job& job) { return FormatBlock(job.offset_bytes); }, true},
    {"size", [](const Job& job) { return job.size_bytes == 0 ? "whole" : FormatBlock(job.size_bytes); }, true},
};

constexpr Field kWay[] = {
    {"path", [](const Job& job) { return job.path; }, false},
    {"iopoll", [](const Job& job) { return OnOff(job.poll_device); }, true},
    {"sqpoll", [](const Job& job) { return OnOff(job.kernel_thread); }, true},
    {"buffer", [](const Job& job) { return job.buffer; }, true},
    {"batch_submit", [](const Job& job) { return absl::StrCat(job.batch_submit); }, true},
    {"batch_complete", [](const Job& job) { return absl::StrCat(job.batch_complete); }, true},
    {"cpus", [](const Job& job) { return job.cpus.empty() ? "any" : job.cpus; }, true},
    {"numa", [](const Job& job) { return job.numa.empty() ? "any" : job.numa; }, true},
    {"hugepages", [](const Job& job) { return job.huge_pages.empty() ? "any" : job.huge_pages; }, true},
    {"workgroups", [](const Job& job) { return job.workgroups == 0 ? "any" : absl::StrCat(job.workgroups); }, true},
    {"runtime", [](const Job& job) { return absl::StrCat(job.runtime_seconds, " s"); }, true},
    {"ramp_time", [](const Job& job) { return absl::StrCat(job.ramp_seconds, " s"); }, true},
    {"steadystate", [](const Job& job) { return job.steady_fraction > 0 ? absl::StrCat(job.steady_fraction) : "none"; }, true},
    {"seed", [](const Job& job) { return absl::StrCat(job.seed); }, true},
};

bool VariesWithin(const Result& result, const Field& field) {
  return std::any_of(result.runs.begin(), result.runs.end(),
                     [&](const RunRecord& run) { return field.text(run.job) != field.text(result.runs.front().job); });
}

/// A path brings some settings with it, such as the buffer of `bar`: only those that vary for one path tell ways apart.
bool VariesForAPath(const Result& result, const Field& field) {
  std::map<std::string, std::string> seen;
  return std::any_of(result.runs.begin(), result.runs.end(), [&](const RunRecord& run) {
    const auto [first, is_new] = seen.emplace(run.job.path, field.text(run.job));
    return !is_new && first->second != field.text(run.job);
  });
}

std::vector<Field> Naming(absl::Span<const Result> results, absl::Span<const Field> fields,
                          bool (*varies)(const Result&, const Field&)) {
  std::vector<Field> naming = {fields.front()};
  for (const Field& field : fields.subspan(1)) {
    if (std::any_of(results.begin(), results.end(), [&](const Result& result) { return varies(result, field); })) {
      naming.push_back(field);
    }
  }
  return naming;
}

std::string Label(const Job& job, absl::Span<const Field> fields) {
  return absl::StrJoin(fields, ", ", [&](std::string* out, const Field& field) {
    absl::StrAppend(out, field.is_named ? absl::StrCat(field.name, " ") : "", field.text(job));
  });
}

/// Equal for runs that differ in nothing but their loop; a job's name is no part of what it measures. Bytes are plain numbers:
/// how they are shown to people does not decide which runs are one point.
std::string Identity(const Job& job) {
  return absl::StrCat(Label(job, kWorkload), "\n", Label(job, kWay), "\n", job.offset_bytes, "\n", job.size_bytes, "\n",
                      job.min_block_bytes, "\n", job.max_block_bytes, "\n", job.iodepth);
}

double MedianOf(const Point& point, double (*figure)(const RunRecord&)) { return Median(point.All(figure)); }

double MeanOf(const Point& point, size_t stage) {
  return Mean(point.All([&](const RunRecord& run) {
    const std::optional<Latency>& latency = run.stage.of[stage];
    return latency.has_value() ? latency->mean : 0.0;
  }));
}

}  // namespace

double IopsOf(const RunRecord& run) { return run.iops; }
double P99Of(const RunRecord& run) { return run.total.p99; }

std::optional<double> ChanceOf(const Point& left, const Point& right, double (*figure)(const RunRecord&)) {
  const std::vector<double> left_values = left.All(figure);
  const std::vector<double> right_values = right.All(figure);
  const std::optional<double> p = WelchP(left_values, right_values);
  const double least = std::min(Mean(left_values), Mean(right_values));
  const double most = std::max(Mean(left_values), Mean(right_values));
  if (p.has_value() && figure == P99Of && most - least <= most * kBucket) return 1;
  return p;
}

double Point::iops() const { return MedianOf(*this, IopsOf); }
double Point::bytes_per_second() const {
  return MedianOf(*this, [](const RunRecord& run) { return run.bytes_per_second; });
}
double Point::p50_ns() const {
  return MedianOf(*this, [](const RunRecord& run) { return run.total.p50; });
}
double Point::p99_ns() const { return MedianOf(*this, P99Of); }
double Point::busy_processors() const {
  return MedianOf(*this, [](const RunRecord& run) { return run.processor.ns_per_read * run.iops / 1e9; });
}

StageTimes Point::stages() const {
  StageTimes times;
  for (size_t i = 0; i < bench::kStageCount; ++i) times.stage.of[i] = MeanOf(*this, i);
  return times;
}

std::vector<Point> PointsOf(absl::Span<const Result> results) {
  const std::vector<Field> workload = Naming(results, kWorkload, VariesWithin);
  const std::vector<Field> way = Naming(results, kWay, VariesForAPath);
  std::vector<Point> points;
  for (const Result& result : results) {
    std::map<std::string, size_t> index_of;
    for (const RunRecord& run : result.runs) {
      const auto [place, is_new] = index_of.emplace(Identity(run.job), points.size());
      if (is_new) {
        Point& point = points.emplace_back();
        point.result = &result;
        point.job = run.job;
        point.workload = Label(run.job, workload);
        point.way = Label(run.job, way);
      }
      Point& point = points[place->second];
      (run.Counts() ? point.runs : point.others).push_back(&run);
    }
  }
  return points;
}

std::vector<std::pair<std::string, std::string>> SharedSettings(const Result& result) {
  std::vector<std::pair<std::string, std::string>> shared;
  if (result.runs.empty()) return shared;
  const auto add = [&](absl::Span<const Field> fields) {
    for (const Field& field : fields) {
      if (!VariesWithin(result, field)) shared.emplace_back(field.name, field.text(result.runs.front().job));
    }
  };
  add(kWorkload);
  add(kWay);
  return shared;
}

}  // namespace penstock::report
