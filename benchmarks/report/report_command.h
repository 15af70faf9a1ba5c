// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `penstock report`: results of `penstock bench` as a page, or for other programs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace penstock::report {

enum class Format { kHtml, kGoogleBenchmark, kPrometheus };

struct ReportRequest {
  std::vector<std::string> results = {};  // files
  std::string output;                     // a file; "-": standard output
  Format format = Format::kHtml;
  bool overwrite = false;
  bool help = false;
};

/// What follows the word "report", checked. Errors: InvalidArgument, with what is allowed.
absl::StatusOr<ReportRequest> ParseReportRequest(absl::Span<const std::string> arguments);

/// What --help prints.
const char* ReportHelp();

/// Reads, writes, and prints errors to standard error. `arguments` are those after the word "report".
/// Returns the exit status: 0, 1 if a result could not be read or the output not be written, 2 for a wrong command line.
/// An existing file stays as it is unless --force was given, and a result of which the report is made stays in any case.
int RunReportCommand(absl::Span<const std::string> arguments);

}  // namespace penstock::report
