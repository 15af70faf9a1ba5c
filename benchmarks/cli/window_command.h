// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `penstock window`.
#pragma once

#include "benchmarks/cli/command_line.h"

namespace penstock::cli {

/// Runs it and prints what came of it. Returns the exit status.
int RunWindow(const CommandLine& line);

}  // namespace penstock::cli
