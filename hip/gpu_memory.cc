// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/gpu_memory.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "hip/gpu_error.h"

namespace penstock::hip {

absl::StatusOr<PinnedMemory> AllocatePinned(u64 bytes) {
  void* memory = nullptr;
  const hipError_t error = hipHostMalloc(&memory, bytes, hipHostMallocCoherent | hipHostMallocMapped);
  if (error != hipSuccess) return GpuError(error, absl::StrCat("cannot pin ", bytes, " bytes of host memory"));
  std::memset(memory, 0, bytes);
  return PinnedMemory(static_cast<std::byte*>(memory));
}

absl::StatusOr<GpuMemory> AllocateOnGpu(u64 bytes) {
  void* memory = nullptr;
  const hipError_t error = hipMalloc(&memory, bytes);
  if (error != hipSuccess) return GpuError(error, absl::StrCat("cannot get ", bytes, " bytes of the GPU's memory"));
  return GpuMemory(static_cast<std::byte*>(memory));
}

absl::StatusOr<u64> AddressOnGpu(const void* pinned) {
  void* address = nullptr;
  const hipError_t error = hipHostGetDevicePointer(&address, const_cast<void*>(pinned), 0);
  if (error != hipSuccess) return GpuError(error, "host memory cannot be reached from the GPU");
  return reinterpret_cast<u64>(address);
}

}  // namespace penstock::hip
