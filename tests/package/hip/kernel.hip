// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The part of somebody else's program that a GPU's compiler compiles: Penstock's handlers, and one of its own.
#include "penstock/hip_device.h"

namespace {

struct AddOne {
  static constexpr penstock::u32 kOpcode = 0x10000;
  static constexpr penstock::u32 kArgumentCount = 1;

  PENSTOCK_DEVICE static penstock::device::Outcome Run(const penstock::device::Context& context) {
    return penstock::device::Outcome::Done(penstock::u64{context.argument[0]} + 1);
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<penstock::Device>> MakeGpuDevice() {
  return penstock::MakeHipDevice<penstock::device::Program<AddOne>>({});
}
