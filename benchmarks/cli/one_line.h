// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names of files and words of others, as lines of text hold them.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace penstock::cli {

/// `text` with its control characters written as \n, \t, \r or \x1b: none can make another line of a table, or reach a terminal.
std::string OneLine(absl::string_view text);

}  // namespace penstock::cli
