// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From what the user named to the files that are read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace penstock::cli {

/// The part of every source that is read.
struct SourcePart {
  uint64_t offset_bytes = 0;
  std::optional<uint64_t> length_bytes = {};  // nullopt: to the end
};

struct SourceList {
  std::vector<std::string> names;
  uint64_t bytes = 0;  // of the parts, as far as it can be told before opening; for the progress line
};

/// A directory becomes the regular files below it, sorted by name, and those folders below it that cannot be listed; symbolic
/// links below it are not followed. Everything else stays as it is and is judged when it is opened. Errors: a directory that has
/// no files.
absl::StatusOr<SourceList> ListSources(const std::vector<std::string>& names, const SourcePart& part = {});

}  // namespace penstock::cli
