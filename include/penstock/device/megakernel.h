// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The megakernel of a GPU: what a GPU compiler makes of a program. Only for source files that a GPU compiler compiles.
#pragma once

#include "penstock/device/interpreter.h"

#if !defined(__CUDACC__) && !defined(__HIP__)
#error "compile this file as HIP or CUDA: the CPU device needs no kernel (penstock/cpu_device.h)"
#endif

namespace penstock::device {

/// Launched once, with kGpuLanes lanes a workgroup and no dynamic shared memory.
template <typename Program>
PENSTOCK_KERNEL void Megakernel(DeviceView view) {
  PENSTOCK_WORKGROUP_MEMORY WorkgroupMemory<Program> memory;
  Group group;
  RunWorkgroup<Program>(view, group, memory);
}

}  // namespace penstock::device
