// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a command prints, all of it or an error: a full disk behind a redirection is no success.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace penstock::cli {

/// Writes `text` to standard output. Errors, errno attached: FailedPrecondition (closed, a full disk).
absl::Status WriteToStandardOutput(absl::string_view text);

/// The same for a command that does nothing else: its exit status, 1 after an error, which is told on standard error.
int Print(absl::string_view text);

}  // namespace penstock::cli
