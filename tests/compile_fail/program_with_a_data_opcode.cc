// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/compile_fail/handler.h"

static_assert(penstock::device::Program<Handler<0x120>>::ArgumentCount(8) == 0);
