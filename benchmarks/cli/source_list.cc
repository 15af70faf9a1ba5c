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

absl::Status AddDirectory(const std::string& directory, std::vector<std::string>& names) {
  std::error_code error;
  const size_t before = names.size();
  fs::recursive_directory_iterator it(directory, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->symlink_status(error).type() == fs::file_type::regular) names.push_back(it->path().string());
  }
  if (error) {
    return MakeErrnoError(absl::StatusCode::kPermissionDenied, error.value(), What(absl::StrCat("directory ", directory)),
                          Fix("name files that you may read, or get read and search rights on the directory"));
  }
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
