// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sixteen bytes: what one lane moves with one instruction.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::device {

struct alignas(16) Vector {
  u32 word[4];
};
inline constexpr u32 kVectorBytes = sizeof(Vector);

}  // namespace penstock::device
