// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A user's handler that does nothing, of any opcode number and argument count.
#pragma once

#include "penstock/device/program.h"

template <unsigned Opcode, unsigned ArgumentCount = 0>
struct Handler {
  static constexpr penstock::u32 kOpcode = Opcode;
  static constexpr penstock::u32 kArgumentCount = ArgumentCount;
  static penstock::device::Outcome Run(const penstock::device::Context&) { return penstock::device::Outcome::Done(); }
};
