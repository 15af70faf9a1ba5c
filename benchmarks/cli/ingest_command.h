// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `penstock ingest`.
#pragma once

#include "benchmarks/cli/command_line.h"

namespace penstock::cli {

/// Runs it and prints the result. Returns the exit status.
int RunIngest(const CommandLine& line);

}  // namespace penstock::cli
