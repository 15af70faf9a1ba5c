// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/byte_size.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace penstock::cli {

bool AbslParseFlag(absl::string_view text, ByteSize* size, std::string* error) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
  const std::string unit = absl::AsciiStrToLower(text.substr(digits));
  const std::string units = "kmgt";
  const size_t power = unit.empty() ? 0 : units.find(unit[0]) + 1;
  const bool known = unit.empty() || (power != 0 && (unit.size() == 1 || unit.substr(1) == "ib"));
  uint64_t number = 0;
  if (!known || !absl::SimpleAtoi(text.substr(0, digits), &number) ||
      number > (std::numeric_limits<uint64_t>::max() >> (10 * power))) {
    *error = "write a byte count such as 4096, 64KiB or 1MiB";
    return false;
  }
  size->bytes = number << (10 * power);
  return true;
}

std::string AbslUnparseFlag(const ByteSize& size) {
  const char* units[] = {"", "KiB", "MiB", "GiB"};
  int power = 0;
  uint64_t number = size.bytes;
  for (; power < 3 && number != 0 && number % 1024 == 0; ++power) number /= 1024;
  return absl::StrCat(number, units[power]);
}

std::string FormatBytes(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  int power = 0;
  for (; power < 5 && bytes >= 999.5; ++power) bytes /= 1024;
  return absl::StrFormat("%.*f %s", power == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2, bytes, units[power]);
}

}  // namespace penstock::cli
