// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values of `penstock bench`'s options as people write them: counts, durations, fractions, lists. The text may come from a file
// of anybody's: whatever it is, it is read or refused.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace penstock::bench {

/// Decimal digits and nothing else, at most `most`.
std::optional<uint64_t> CountOf(absl::string_view text, uint64_t most);
/// Digits, with a point in between if need be: "2", "0.5".
std::optional<double> DecimalOf(absl::string_view text);
/// 4096, 64k, 64KiB, 1M, 1MiB, 2g, 1T: units are powers of 1024.
std::optional<uint64_t> BytesOf(absl::string_view text);
/// Seconds of "10", "10s", "500ms", "2m", "1.5h".
std::optional<double> SecondsOf(absl::string_view text);
/// Of "0.02" or "2%": above 0 and below 1.
std::optional<double> FractionOf(absl::string_view text);
/// Of "0", "1", "true", "false", "yes", "no".
std::optional<bool> SwitchOf(absl::string_view text);
/// Processors or nodes as the kernel lists them: "0-3,8". In the order given, none twice, each below 65536.
std::optional<std::vector<uint32_t>> NumberListOf(absl::string_view text);

constexpr size_t kMaxListLength = 64;

/// Of "a,b,c", each as `parse` reads it; nothing if it reads one of them not, if one comes twice, or if there are too many.
template <typename T>
std::optional<std::vector<T>> ListOf(absl::string_view text, std::optional<T> (*parse)(absl::string_view)) {
  std::vector<T> list;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    const std::optional<T> value = parse(word);
    if (!value.has_value() || list.size() == kMaxListLength) return std::nullopt;
    if (std::find(list.begin(), list.end(), *value) != list.end()) return std::nullopt;
    list.push_back(*value);
  }
  return list;
}

}  // namespace penstock::bench
