// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/check.h"

#include <cstdio>
#include <cstdlib>

namespace penstock::check_internal {

void Fail(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "penstock: check failed: %s (%s:%d). This is a bug in penstock or in its caller.\n", condition, file,
               line);
  std::abort();
}

}  // namespace penstock::check_internal
