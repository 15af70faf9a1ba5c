// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of names, as C callers hand them over.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/c/error.h"

namespace penstock::c {

/// Errors: InvalidArgument if the list is null and not empty, or one of it is null; it says that of `function`'s `argument`.
inline absl::StatusOr<std::vector<std::string>> ReadNames(const char* const* list, size_t count, const char* function,
                                                          const char* argument) {
  if (list == nullptr && count > 0) return NullArgument(function, argument);
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    if (list[i] == nullptr) return NullArgument(function, absl::StrCat("one of ", argument).c_str());
    names.emplace_back(list[i]);
  }
  return names;
}

}  // namespace penstock::c
