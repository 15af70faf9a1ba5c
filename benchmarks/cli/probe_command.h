// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `penstock probe`.
#pragma once

#include "benchmarks/cli/command_line.h"

namespace penstock::cli {

/// Runs it and prints what was found. Returns the exit status.
int RunProbe(const CommandLine& line);

}  // namespace penstock::cli
