// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// For programming errors: a condition that no input can make false. Checked in every build type.
#pragma once

#include "penstock/export.h"

namespace penstock::check_internal {
PENSTOCK_API [[noreturn]] void Fail(const char* condition, const char* file, int line);
}  // namespace penstock::check_internal

/// Ends the process with the condition's text and place if `condition` is false. Bad input is never a reason: that is a Status.
#define PENSTOCK_CHECK(condition)                                       \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::penstock::check_internal::Fail(#condition, __FILE__, __LINE__); \
  } while (false)
