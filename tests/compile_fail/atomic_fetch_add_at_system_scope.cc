// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/atomic.h"

namespace penstock::layout {
u32 Add(u32* word) { return FetchAdd<Scope::kSystem>(word, 1u); }
}  // namespace penstock::layout
