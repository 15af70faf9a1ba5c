// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/atomic.h"

namespace penstock::layout {
bool Take(u32* word, u32& expected) { return CompareExchange<Scope::kSystem>(word, expected, 1u); }
}  // namespace penstock::layout
