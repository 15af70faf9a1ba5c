// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A handler by which a GPU is lost.
#pragma once

#include "penstock/device/handler.h"

namespace penstock {

/// Writes where nothing is.
struct WriteNowhere {
  static constexpr u32 kOpcode = 0x1003;
  static constexpr u32 kArgumentCount = 0;
  PENSTOCK_DEVICE static device::Outcome Run(const device::Context&) {
    *reinterpret_cast<volatile u32*>(u64{64}) = 1;
    return device::Outcome::Done();
  }
};

}  // namespace penstock
