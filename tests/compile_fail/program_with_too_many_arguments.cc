// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device/program.h"

template <unsigned Opcode>
struct Handler {
  static constexpr penstock::u32 kOpcode = Opcode;
  static constexpr penstock::u32 kArgumentCount = 13;
  static penstock::device::Outcome Run(const penstock::device::Context&) { return penstock::device::Outcome::Done(); }
};
static_assert(penstock::device::Program<Handler<8>, Handler<0x10000>>::ArgumentCount(8) == 0);
