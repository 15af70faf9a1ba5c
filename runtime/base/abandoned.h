// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory that somebody may go on using for ever: a read that does not come back, a handler that hangs.
#pragma once

#include <memory>

#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Never frees it. Threads: any.
void Abandon(std::shared_ptr<const void> memory);

}  // namespace penstock
