// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The megakernel with Penstock's own handlers, under a name that a code object can be asked for.
#include "penstock/device/megakernel.h"

extern "C" PENSTOCK_KERNEL void penstock_megakernel(penstock::device::DeviceView view) {
  using Program = penstock::device::Program<>;
  PENSTOCK_WORKGROUP_MEMORY penstock::device::WorkgroupMemory<Program> memory;
  penstock::device::Group group;
  penstock::device::RunWorkgroup<Program>(view, group, memory);
}
