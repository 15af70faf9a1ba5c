// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/nearest_name.h"

#include <algorithm>

namespace penstock::bench {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  // distance[i][j]: of the first i letters of a and the first j of b.
  std::vector<std::vector<size_t>> distance(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        distance[i][j] = i + j;
        continue;
      }
      const size_t replaced = distance[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      distance[i][j] = std::min({distance[i - 1][j] + 1, distance[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        distance[i][j] = std::min(distance[i][j], distance[i - 2][j - 2] + 1);
      }
    }
  }
  return distance[a.size()][b.size()];
}

std::optional<std::string> NearestName(absl::string_view name, absl::Span<const absl::string_view> names) {
  constexpr size_t kLongestName = 64;  // what is longer is near to nothing
  if (name.empty() || name.size() > kLongestName) return std::nullopt;
  const size_t far = std::max<size_t>(2, name.size() / 3 + 1);
  size_t least = far;
  std::optional<std::string> nearest;
  for (const absl::string_view candidate : names) {
    const size_t distance = EditDistance(name, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = std::string(candidate);
  }
  return nearest;
}

}  // namespace penstock::bench
