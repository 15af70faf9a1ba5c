// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/source_list.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

namespace fs = std::filesystem;

/// A directory that cannot be listed stands for itself: who opens it says why, and the other sources go on.
void AddFilesBelow(const fs::path& directory, std::vector<std::string>& names) {
  std::error_code error;
  std::vector<fs::path> below;
  for (fs::directory_iterator it(directory, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const fs::file_type type = it->symlink_status(error).type();
    if (type == fs::file_type::regular) names.push_back(it->path().string());
    if (type == fs::file_type::directory) below.push_back(it->path());
  }
  if (error) names.push_back(directory.string());
  for (const fs::path& folder : below) AddFilesBelow(folder, names);
}

absl::Status AddDirectory(const std::string& directory, std::vector<std::string>& names) {
  const size_t before = names.size();
  AddFilesBelow(directory, names);
  if (names.size() == before) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("directory ", directory, " has no regular file in it")),
                     Fix("name a directory with files"));
  }
  std::sort(names.begin() + static_cast<ptrdiff_t>(before), names.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SourceList> ListSources(const std::vector<std::string>& names, const SourcePart& part) {
  SourceList list;
  for (const std::string& name : names) {
    std::error_code ignored;
    if (fs::is_directory(name, ignored)) {
      PENSTOCK_RETURN_IF_ERROR(AddDirectory(name, list.names));
    } else {
      list.names.push_back(name);
    }
  }
  for (const std::string& name : list.names) {
    std::error_code unknown;
    const uint64_t bytes = fs::file_size(name, unknown);
    if (unknown || bytes < part.offset_bytes) continue;
    list.bytes += std::min(bytes - part.offset_bytes, part.length_bytes.value_or(bytes));
  }
  return list;
}

}  // namespace penstock::cli
