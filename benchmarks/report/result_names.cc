// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/result_names.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace penstock::report {
namespace {

/// Folders and name, the last without ".json".
std::vector<std::string> PartsOf(const std::string& file) {
  const std::filesystem::path path = std::filesystem::path(file).lexically_normal().relative_path();
  std::vector<std::string> parts(path.begin(), path.end());
  if (!parts.empty()) parts.back() = std::string(absl::StripSuffix(parts.back(), ".json"));
  return parts;
}

/// The last `count` parts, or all if there are fewer.
std::string TailOf(const std::vector<std::string>& parts, size_t count) {
  const auto first = parts.end() - static_cast<std::ptrdiff_t>(std::min(count, parts.size()));
  return absl::StrJoin(first, parts.end(), "/");
}

/// The shortest tail that no other file has, or all parts of a file that others end with.
std::string ShortestOf(absl::Span<const std::vector<std::string>> files, size_t index) {
  const std::vector<std::string>& parts = files[index];
  for (size_t count = 1; count < parts.size(); ++count) {
    const std::string tail = TailOf(parts, count);
    const auto have_it =
        std::count_if(files.begin(), files.end(), [&](const auto& other) { return TailOf(other, count) == tail; });
    if (have_it == 1) return tail;
  }
  return TailOf(parts, parts.size());
}

}  // namespace

std::vector<std::string> NamesOf(absl::Span<const std::string> files) {
  std::vector<std::vector<std::string>> parts;
  for (const std::string& file : files) parts.push_back(PartsOf(file));
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (size_t i = 0; i < files.size(); ++i) {
    std::string name = ShortestOf(parts, i);
    const std::string once = name;
    for (size_t number = 2; !taken.insert(name).second; ++number) name = absl::StrCat(once, " (", number, ")");
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace penstock::report
