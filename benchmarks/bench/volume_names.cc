// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/volume_names.h"

namespace penstock::bench {

std::optional<std::vector<std::string>> VolumeNamesOf(absl::string_view text) {
  std::vector<std::string> names(1);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ':') {
      names.back() += text[++i];
    } else if (text[i] != ':') {
      names.back() += text[i];
    } else if (names.back().empty() || names.size() == kMaxVolumes) {
      return std::nullopt;
    } else {
      names.emplace_back();
    }
  }
  if (names.back().empty()) return std::nullopt;
  return names;
}

}  // namespace penstock::bench
