// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Results as one HTML page that needs nothing else: no network, no other file.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "benchmarks/report/result.h"

namespace penstock::report {

/// The page. Names and texts of the results may hold anything: they are data in it, never markup or script.
/// Requires: at least one result. Threads: any. Cost: linear in the runs; series are thinned out, to at most 40,000 seconds of
/// all runs together or 20 of each.
std::string ReportPage(absl::Span<const Result> results);

/// `text` so that it means itself between tags and in attributes.
std::string EscapeHtml(const std::string& text);

/// JSON on one line that no "</script>" or "<!--" of its strings can end early.
std::string ScriptSafe(const Json& json);

}  // namespace penstock::report
