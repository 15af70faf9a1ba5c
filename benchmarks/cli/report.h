// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run prints.
#pragma once

#include <string>

#include "benchmarks/cli/command_line.h"
#include "penstock/ingest.h"

namespace penstock::cli {

/// A short table for people.
std::string FormatReport(const CommandLine& line, const IngestReport& report);

/// One JSON object, as docs/ingest.md describes it. Names that are no UTF-8 have their odd bytes replaced.
std::string FormatReportJson(const CommandLine& line, const IngestReport& report);

}  // namespace penstock::cli
