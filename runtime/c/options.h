// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Structs whose first field is their size, and which grow from one version to the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::c {

/// Errors: InvalidArgument if `size` is less than the first version's.
inline absl::Status CheckSize(size_t size, size_t first_bytes, const char* name) {
  if (size >= first_bytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat(name, " says that its size is ", size, " bytes, and had ", first_bytes, " at first")),
                   Fix(absl::StrCat("set its field size to sizeof(", name, ")")));
}

/// What the caller has given, with 0 for fields that its version does not have. Null: all defaults.
/// Errors: InvalidArgument for a size below `first_bytes`, which the first version had, and for fields that this version does not
/// know and that are not 0.
template <typename Options>
absl::StatusOr<Options> Read(const Options* given, size_t first_bytes, const char* name) {
  Options options = {};
  if (given == nullptr) return options;
  PENSTOCK_RETURN_IF_ERROR(CheckSize(given->size, first_bytes, name));
  const char* const bytes = reinterpret_cast<const char*>(given);
  if (given->size > sizeof(Options) && std::any_of(bytes + sizeof(Options), bytes + given->size, [](char b) { return b != 0; })) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat(name, " has a field set that came after version ", penstock_version())),
                     Fix("leave it 0, or install the version of libpenstock_c that the program was written for"));
  }
  std::memcpy(static_cast<void*>(&options), given, std::min(given->size, sizeof(Options)));
  return options;
}

/// Writes as much of `value` as the caller's struct, whose size says so, has room for. Errors: as CheckSize.
template <typename Value>
absl::Status Write(const Value& value, size_t first_bytes, const char* name, Value* target) {
  PENSTOCK_RETURN_IF_ERROR(CheckSize(target->size, first_bytes, name));
  std::memcpy(static_cast<void*>(target), &value, std::min(target->size, sizeof(Value)));
  return absl::OkStatus();
}

}  // namespace penstock::c
