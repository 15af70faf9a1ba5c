// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/sysfs_file.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace penstock::driver {

namespace fs = std::filesystem;

std::optional<std::string> ReadText(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) return std::nullopt;
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  // Some attributes open and then refuse to be read.
  if (stream.bad()) return std::nullopt;
  return std::string(absl::StripAsciiWhitespace(text));
}

std::optional<uint64_t> ReadNumber(const fs::path& file) {
  const std::optional<std::string> text = ReadText(file);
  uint64_t number = 0;
  if (!text.has_value()) return std::nullopt;
  const bool hexadecimal = absl::StartsWith(*text, "0x");
  if (hexadecimal ? !absl::SimpleHexAtoi(*text, &number) : !absl::SimpleAtoi(*text, &number)) return std::nullopt;
  return number;
}

uint32_t ReadNumberOr(const fs::path& file, uint32_t otherwise) {
  const std::optional<uint64_t> number = ReadNumber(file);
  if (!number.has_value()) return otherwise;
  return static_cast<uint32_t>(std::min<uint64_t>(*number, std::numeric_limits<uint32_t>::max()));
}

bool Exists(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error);
}

std::optional<fs::path> RealPath(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  if (error) return std::nullopt;
  return real;
}

std::string LinkName(const fs::path& link) {
  const std::optional<fs::path> target = RealPath(link);
  return target.has_value() ? target->filename().string() : "";
}

std::vector<fs::path> Entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator(); entry.increment(error)) {
    entries.push_back(entry->path());
  }
  std::sort(entries.begin(), entries.end(), [](const fs::path& a, const fs::path& b) {
    const int order = strverscmp(a.filename().c_str(), b.filename().c_str());
    return order < 0;
  });
  return entries;
}

}  // namespace penstock::driver
