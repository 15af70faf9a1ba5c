// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/atomic.h"

namespace penstock::layout {
u32 Load(u32* word) { return LoadAcquire(word); }
}  // namespace penstock::layout
