// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts, and what the operations must make of them, straight on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {

/// The first `bytes` of `text`, repeated.
inline std::string Repeat(const std::string& text, size_t bytes) {
  std::string repeated;
  while (repeated.size() < bytes) repeated += text;
  return repeated.substr(0, bytes);
}

/// Counts leftmost, longest, without overlap.
inline uint64_t NaiveMatches(const std::string& text, const std::vector<std::string>& patterns) {
  uint64_t matches = 0;
  for (size_t at = 0; at < text.size();) {
    size_t longest = 0;
    for (const std::string& pattern : patterns) {
      if (pattern.size() > longest && text.compare(at, pattern.size(), pattern) == 0) longest = pattern.size();
    }
    matches += longest > 0 ? 1 : 0;
    at += longest > 0 ? longest : 1;
  }
  return matches;
}

}  // namespace penstock
