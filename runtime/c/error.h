// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Errors as C callers get them.
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "penstock/penstock.h"

struct penstock_error {
  int code = PENSTOCK_OK;
  int error_number = 0;  // errno; 0: none
  std::string cause;
  std::string remedy;
};

namespace penstock::c {

/// How `call` ends as a code of the C interface; if that is no success, also as an error where `error` points, unless that is
/// null. What it throws becomes a code, too: memory that cannot be had RESOURCE_EXHAUSTED, all else INTERNAL.
int Guarded(penstock_error** error, absl::FunctionRef<absl::Status()> call);

/// An error for an argument that is null and must not be.
absl::Status NullArgument(const char* function, const char* argument);

}  // namespace penstock::c
