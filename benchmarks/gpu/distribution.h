// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Samples of a time, and what a report says of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace penstock::bench {

using Json = nlohmann::ordered_json;

/// The sample that `share` of all samples do not exceed. Requires: `sorted` is, and is not empty.
inline double Quantile(const std::vector<double>& sorted, double share) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<size_t>(std::lround(share * last))];
}

/// Count, smallest, median, 99th percentile and largest; `unit` ends the names (e.g. "ns"). No samples: the count alone.
inline Json DistributionJson(std::vector<double> samples, const std::string& unit) {
  Json json = {{"count", samples.size()}};
  if (samples.empty()) return json;
  std::sort(samples.begin(), samples.end());
  json["min_" + unit] = samples.front();
  json["p50_" + unit] = Quantile(samples, 0.5);
  json["p99_" + unit] = Quantile(samples, 0.99);
  json["max_" + unit] = samples.back();
  return json;
}

inline double Median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return Quantile(samples, 0.5);
}

}  // namespace penstock::bench
