// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Options of fio that penstock bench has not, and what to do instead.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace penstock::bench {

/// What to do instead of fio's option `name` (with underscores), as a sentence to follow "Fix: "; nothing if fio has none of that
/// name.
std::optional<std::string> AdviceOnFioName(absl::string_view name);

}  // namespace penstock::bench
