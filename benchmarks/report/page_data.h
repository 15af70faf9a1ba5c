// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the scripts of the page draw, as one JSON object.
#pragma once

#include <vector>

#include "absl/types/span.h"
#include "benchmarks/report/point.h"
#include "benchmarks/report/result.h"

namespace penstock::report {

/// {"results", "points", "runs", "comparisons"}: tables of objects; points and runs name their result by its place in
/// "results". Figures have five digits.
Json PageData(absl::Span<const Result> results);

/// A series of at most `most` entries (at least 1): neighbours are joined, reads averaged, and of p99 the largest kept, so that
/// no spike is lost.
std::vector<Second> Thinned(const std::vector<Second>& series, size_t most);

}  // namespace penstock::report
