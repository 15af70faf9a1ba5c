// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command `penstock bench`.
#pragma once

#include <string>

#include "absl/types/span.h"

namespace penstock::bench {

/// `arguments`: what stands after `penstock bench`. The process's exit status: see its help.
int RunBench(absl::Span<const std::string> arguments);

}  // namespace penstock::bench
