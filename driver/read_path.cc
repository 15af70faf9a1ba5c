// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/read_path.h"

#include <algorithm>

#include "penstock/error.h"

namespace penstock {

std::string_view ReadPathName(ReadPath path) {
  switch (path) {
    case ReadPath::kBar: return "bar";
    case ReadPath::kNvme: return "nvme";
    case ReadPath::kRead: return "read";
    case ReadPath::kPread: return "pread";
  }
  return "unknown";
}

std::optional<ReadPath> ReadPathNamed(std::string_view name) {
  const auto found =
      std::find_if(kReadPaths.begin(), kReadPaths.end(), [&](ReadPath path) { return ReadPathName(path) == name; });
  return found == kReadPaths.end() ? std::nullopt : std::optional(*found);
}

Refusal RefusalOf(ReadPath path, const absl::Status& status) { return {path, CauseOf(status), RemedyOf(status)}; }

}  // namespace penstock
