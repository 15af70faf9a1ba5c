// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/atomic.h"

namespace penstock::layout {
u32 Add(u32* word) { return FetchAdd<Scope::kDevice>(word, 1u); }
bool Take(u32* word, u32& expected) { return CompareExchange<Scope::kWorkgroup>(word, expected, 1u); }
u32 Load(u32* word) { return LoadAcquire<Scope::kSystem>(word); }
}  // namespace penstock::layout
