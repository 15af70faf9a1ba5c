// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a report goes.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "benchmarks/report/report_command.h"

namespace penstock::report {

/// Writes `text` to what the request names as its output. A new file is whole or not there. A file that is there is replaced as a
/// whole, and only where the request says so: until then, and if that fails, it is as it was. What is no regular file, and what
/// standard output is, are written into. Errors: FailedPrecondition: the output is one of the request's results, or exists, or
/// cannot be opened or written. Threads: any.
absl::Status WriteOutput(const ReportRequest& request, const std::string& text);

}  // namespace penstock::report
