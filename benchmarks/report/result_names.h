// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What results are called in a report of several.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"

namespace penstock::report {

/// A name for each file, no two alike: its own without ".json", with as many of its folders as tell it from the others
/// ("monday/result" and "tuesday/result"). What no folder tells apart is numbered: "result", "result (2)". Threads: any.
std::vector<std::string> NamesOf(absl::Span<const std::string> files);

}  // namespace penstock::report
