// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Volumes in one line, as fio writes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace penstock::bench {

constexpr size_t kMaxVolumes = 256;

/// Of "a:b:c"; "\:" is a colon in a name. Nothing if a name is empty, or there are more than kMaxVolumes.
std::optional<std::vector<std::string>> VolumeNamesOf(absl::string_view text);

}  // namespace penstock::bench
