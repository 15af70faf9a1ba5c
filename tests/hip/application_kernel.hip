// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An application's program as its GPU compiler sees it: a handler of its own, and the device that runs it.
#include "penstock/hip_device.h"

namespace {

struct AddOne {
  static constexpr penstock::u32 kOpcode = 0x10000;
  static constexpr penstock::u32 kArgumentCount = 1;

  PENSTOCK_DEVICE static penstock::device::Outcome Run(const penstock::device::Context& context) {
    return penstock::device::Outcome::Done(penstock::u64{context.argument[0]} + 1);
  }
};

using Program = penstock::device::Program<AddOne>;

}  // namespace

penstock::HipProgram ApplicationProgram() {
  return {reinterpret_cast<const void*>(&penstock::device::Megakernel<Program>), &Program::ArgumentCount};
}

absl::StatusOr<std::unique_ptr<penstock::Device>> MakeApplicationDevice() { return penstock::MakeHipDevice<Program>({}); }
