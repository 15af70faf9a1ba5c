// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/option_value.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "benchmarks/cli/byte_size.h"

namespace penstock::bench {
namespace {

constexpr size_t kMaxNumberLength = 32;
constexpr uint64_t kMaxListedNumber = 65535;

bool IsDigit(char letter) { return absl::ascii_isdigit(static_cast<unsigned char>(letter)); }

bool AddRange(uint64_t first, uint64_t last, std::vector<bool>& seen, std::vector<uint32_t>& list) {
  if (first > last) return false;
  for (uint64_t number = first; number <= last; ++number) {
    if (seen[number]) return false;
    seen[number] = true;
    list.push_back(static_cast<uint32_t>(number));
  }
  return true;
}

}  // namespace

std::optional<uint64_t> CountOf(absl::string_view text, uint64_t most) {
  uint64_t number = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  if (!absl::SimpleAtoi(text, &number) || number > most) return std::nullopt;
  return number;
}

std::optional<double> DecimalOf(absl::string_view text) {
  // Abseil also reads signs, exponents, "inf" and "nan".
  const auto is_part = [](char letter) { return IsDigit(letter) || letter == '.'; };
  double number = 0;
  if (text.empty() || text.size() > kMaxNumberLength || !IsDigit(text.front()) || !IsDigit(text.back())) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), is_part) || !absl::SimpleAtod(text, &number)) return std::nullopt;
  return number;
}

std::optional<uint64_t> BytesOf(absl::string_view text) {
  cli::ByteSize size;
  std::string error;
  if (text.empty() || !IsDigit(text.front()) || !cli::AbslParseFlag(text, &size, &error)) return std::nullopt;
  return size.bytes;
}

std::optional<double> SecondsOf(absl::string_view text) {
  double unit_seconds = 1;
  if (absl::ConsumeSuffix(&text, "ms")) {
    unit_seconds = 1e-3;
  } else if (absl::ConsumeSuffix(&text, "m")) {
    unit_seconds = 60;
  } else if (absl::ConsumeSuffix(&text, "h")) {
    unit_seconds = 3600;
  } else {
    absl::ConsumeSuffix(&text, "s");
  }
  const std::optional<double> number = DecimalOf(text);
  if (!number.has_value()) return std::nullopt;
  return *number * unit_seconds;
}

std::optional<double> FractionOf(absl::string_view text) {
  const double unit = absl::ConsumeSuffix(&text, "%") ? 0.01 : 1;
  const std::optional<double> number = DecimalOf(text);
  if (!number.has_value()) return std::nullopt;
  const double fraction = *number * unit;
  if (!(fraction > 0) || !(fraction < 1)) return std::nullopt;
  return fraction;
}

std::optional<bool> SwitchOf(absl::string_view text) {
  if (text == "1" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "no") return false;
  return std::nullopt;
}

std::optional<std::vector<uint32_t>> NumberListOf(absl::string_view text) {
  std::vector<uint32_t> list;
  std::vector<bool> seen(kMaxListedNumber + 1);
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    const size_t dash = word.find('-');
    const std::optional<uint64_t> first = CountOf(word.substr(0, dash), kMaxListedNumber);
    const std::optional<uint64_t> last =
        dash == absl::string_view::npos ? first : CountOf(word.substr(dash + 1), kMaxListedNumber);
    if (!first.has_value() || !last.has_value() || !AddRange(*first, *last, seen, list)) return std::nullopt;
  }
  return list;
}

}  // namespace penstock::bench
