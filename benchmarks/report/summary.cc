// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/summary.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "benchmarks/report/figures.h"
#include "benchmarks/report/statistics.h"

namespace penstock::report {
namespace {

constexpr double kLevelWithin = 0.03;
constexpr double kSignificant = 0.05;

using Group = std::vector<const Point*>;

std::vector<Group> GroupsOf(absl::Span<const Point> points) {
  std::vector<Group> groups;
  std::map<std::string, size_t> index_of;
  for (const Point& point : points) {
    if (point.runs.empty()) continue;
    const std::string key = absl::StrCat(point.workload, "\n", FormatBlocks(point.job), "\n", point.job.iodepth);
    const auto [place, is_new] = index_of.emplace(key, groups.size());
    if (is_new) groups.emplace_back();
    groups[place->second].push_back(&point);
  }
  return groups;
}

/// `sign` is 1 where more is better, -1 where less is.
Choice Choose(Group group, double (*figure)(const RunRecord&), double sign) {
  const auto median = [&](const Point* point) { return Median(point->All(figure)); };
  std::ranges::sort(group, {}, [&](const Point* point) { return std::pair(-sign * median(point), point); });
  Choice choice;
  choice.best = group.front();
  for (const Point* point : group) {
    if (point == choice.best || AreLevel(*choice.best, *point, figure)) choice.ways_on_top.push_back(point->way);
  }
  if (group.size() < 2) return choice;
  choice.next = group[1];
  const double best = median(choice.best);
  const double next = median(choice.next);
  const double better = std::max(best, next);
  const double worse = std::min(best, next);
  choice.margin = worse > 0 ? better / worse : 1;
  choice.is_level = AreLevel(*choice.best, *choice.next, figure);
  return choice;
}

std::string Times(size_t count, const char* what) { return absl::StrCat(count, " ", what, count == 1 ? "" : "s"); }

std::string Where(const Point& point) {
  return absl::StrCat(point.way, ", ", point.workload, ", ", FormatBlocks(point.job), ", depth ", point.job.iodepth);
}

struct NameCount {
  std::string name;
  size_t count;
  size_t place;  // among the names, in the order of their first occurrence
};

/// How often each name occurs, the most frequent first; names of equal count stay in the order of their first occurrence.
std::vector<NameCount> Counted(const std::vector<std::string>& names) {
  std::vector<NameCount> counts;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(counts, name, &NameCount::name);
    if (found == counts.end()) {
      counts.push_back({.name = name, .count = 1, .place = counts.size()});
    } else {
      ++found->count;
    }
  }
  std::ranges::sort(counts, [](const NameCount& left, const NameCount& right) {
    return std::tie(right.count, left.place) < std::tie(left.count, right.place);
  });
  return counts;
}

std::string CountsText(const std::vector<std::string>& names) {
  return absl::StrJoin(Counted(names), ", ",
                       [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.name, " (", entry.count, ")"); });
}

/// Who is on top how often, of the points where there was a choice, and how often alone.
std::string Headline(const std::vector<Verdict>& verdicts) {
  std::vector<std::string> on_top;
  std::vector<std::string> alone;
  size_t contested = 0;
  for (const Verdict& verdict : verdicts) {
    if (verdict.iops.next == nullptr) continue;
    ++contested;
    on_top.insert(on_top.end(), verdict.iops.ways_on_top.begin(), verdict.iops.ways_on_top.end());
    if (verdict.iops.ways_on_top.size() == 1) alone.push_back(verdict.iops.best->way);
  }
  if (contested == 0)
    return absl::StrCat("Only ", verdicts.front().iops.best->way, " was measured: there is nothing to choose from");
  if (alone.empty()) return "No path reads more than all others";
  const auto wins = [&](const std::string& way) { return static_cast<size_t>(std::count(alone.begin(), alone.end(), way)); };
  const std::vector<NameCount> counts = Counted(on_top);
  const NameCount& top =
      *std::ranges::max_element(counts, {}, [&](const NameCount& entry) { return std::pair(entry.count, wins(entry.name)); });
  const std::string where =
      top.count == contested ? "everywhere" : absl::StrCat("in ", top.count, " of ", Times(contested, "case"));
  if (wins(top.name) == top.count) return absl::StrCat(top.name, " reads the most ", where);
  return absl::StrCat(top.name, " reads the most or as much as the best ", where, ", alone in ", wins(top.name));
}

std::string Peaks(const std::vector<Verdict>& verdicts) {
  const auto less = [](auto figure) {
    return [figure](const Verdict& left, const Verdict& right) { return figure(*left.iops.best) < figure(*right.iops.best); };
  };
  const Point& most =
      *std::max_element(verdicts.begin(), verdicts.end(), less([](const Point& point) { return point.iops(); }))->iops.best;
  const Point& widest =
      *std::max_element(verdicts.begin(), verdicts.end(), less([](const Point& point) { return point.bytes_per_second(); }))
           ->iops.best;
  const Point& quickest = *std::min_element(verdicts.begin(), verdicts.end(), [](const Verdict& left, const Verdict& right) {
                             return left.p99.best->p99_ns() < right.p99.best->p99_ns();
                           })->p99.best;
  return absl::StrCat("Most reads: ", FormatCount(most.iops()), "/s (", Where(most),
                      "). Most bytes: ", FormatBandwidth(widest.bytes_per_second()), " (", Where(widest),
                      "). Least p99: ", FormatNs(quickest.p99_ns()), " (", Where(quickest), ")");
}

std::string Limits(const std::vector<Verdict>& verdicts) {
  std::vector<std::string> names;
  for (const Verdict& verdict : verdicts) names.push_back(LimitName(verdict.limit.kind));
  return absl::StrCat("What limits the best path, in how many cases: ", CountsText(names));
}

/// Which runs no figure contains, or nothing.
std::string LeftOut(const Result& result) {
  std::vector<std::string> reasons;
  for (const RunRecord& run : result.runs) {
    if (run.Counts()) continue;
    reasons.push_back(run.status == RunStatus::kRefused   ? "refused"
                      : run.status == RunStatus::kFailed  ? "failed"
                      : run.status == RunStatus::kPartial ? "cut short"
                      : run.proof.agrees                  ? "without a read"
                                                          : "contradicted by counters");
  }
  if (reasons.empty()) return "";
  return absl::StrCat(reasons.size(), " of ", Times(result.runs.size(), "run"), " ", reasons.size() == 1 ? "is" : "are",
                      " in no figure: ", CountsText(reasons));
}

}  // namespace

bool AreLevel(const Point& left, const Point& right, double (*figure)(const RunRecord&)) {
  if (const std::optional<double> p = ChanceOf(left, right, figure)) return *p >= kSignificant;
  const double first = Median(left.All(figure));
  const double second = Median(right.All(figure));
  return std::max(first, second) <= std::min(first, second) * (1 + kLevelWithin);
}

Summary SummaryOf(const Result& result, absl::Span<const Point> points) {
  Summary summary;
  for (const Group& group : GroupsOf(points)) {
    Verdict& verdict = summary.verdicts.emplace_back();
    verdict.workload = group.front()->workload;
    verdict.blocks = FormatBlocks(group.front()->job);
    verdict.iodepth = group.front()->job.iodepth;
    verdict.iops = Choose(group, IopsOf, 1);
    verdict.p99 = Choose(group, P99Of, -1);
    verdict.limit = LimitOf(*verdict.iops.best, points);
  }
  if (summary.verdicts.empty()) {
    summary.headline = "No run ended well, so there is nothing to say which path is best";
  } else {
    summary.headline = Headline(summary.verdicts);
    summary.sentences = {Peaks(summary.verdicts), Limits(summary.verdicts)};
  }
  if (const std::string left_out = LeftOut(result); !left_out.empty()) summary.sentences.push_back(left_out);
  if (result.partial) summary.sentences.push_back("The measurement was interrupted: points are missing");
  return summary;
}

}  // namespace penstock::report
