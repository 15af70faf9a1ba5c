// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/sysfs_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "penstock/file_descriptor.h"

namespace penstock::driver {

namespace fs = std::filesystem;

std::optional<std::string> ReadText(const fs::path& file) {
  const FileDescriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) return std::nullopt;
  std::string text;
  char piece[4096];
  while (true) {
    const ssize_t bytes = read(fd.get(), piece, sizeof(piece));
    if (bytes == 0) return std::string(absl::StripAsciiWhitespace(text));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return std::nullopt;  // Some attributes open and then refuse to be read, as a folder does.
    text.append(piece, static_cast<size_t>(bytes));
  }
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
