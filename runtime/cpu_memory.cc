// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cpu_memory.h"

#include <cstring>
#include <new>

#include "penstock/device/group.h"

namespace penstock {

CpuMemory::CpuMemory(const DeviceOptions& options, size_t workgroup_memory_bytes)
    : MegakernelMemory(options, device::Group::kTicksPerSecond),
      workgroup_memory_bytes_((workgroup_memory_bytes + layout::kLineBytes - 1) / layout::kLineBytes * layout::kLineBytes),
      host_(AllocateZeroed(host_bytes())),
      device_(AllocateZeroed(device_bytes())),
      workgroup_memory_(AllocateZeroed(workgroup_memory_bytes_ * options.workgroups)) {
  Place({host_.get(), reinterpret_cast<u64>(host_.get())}, {device_.get(), reinterpret_cast<u64>(device_.get())});
}

CpuMemory::Bytes CpuMemory::AllocateZeroed(u64 bytes) {
  auto* const memory = static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{layout::kLineBytes}));
  std::memset(memory, 0, bytes);
  return Bytes(memory);
}

}  // namespace penstock
