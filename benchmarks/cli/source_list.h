// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From what the user named to the files that are read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace penstock::cli {

struct SourceList {
  std::vector<std::string> names;
  uint64_t bytes = 0;  // as far as it can be told before opening; for the progress line
};

/// A directory becomes the regular files below it, sorted by name; symbolic links below it are not followed. Everything else
/// stays as it is and is judged when it is opened. Errors: a directory that cannot be read, or has no files.
absl::StatusOr<SourceList> ListSources(const std::vector<std::string>& names);

}  // namespace penstock::cli
