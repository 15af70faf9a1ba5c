// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory of the two sides of the bus.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "hip/gpu_api.h"
#include "penstock/layout/target.h"

namespace penstock::hip {

struct FreePinned {
  void operator()(std::byte* memory) const { static_cast<void>(hipHostFree(memory)); }
};
struct FreeOnGpu {
  void operator()(std::byte* memory) const { static_cast<void>(hipFree(memory)); }
};

/// Host memory that the GPU reaches over the bus, coherent with both sides.
using PinnedMemory = std::unique_ptr<std::byte, FreePinned>;
/// The GPU's own memory.
using GpuMemory = std::unique_ptr<std::byte, FreeOnGpu>;

/// Zeroed. Errors: ResourceExhausted; Unavailable.
absl::StatusOr<PinnedMemory> AllocatePinned(u64 bytes);
/// Not initialised. Errors: as above.
absl::StatusOr<GpuMemory> AllocateOnGpu(u64 bytes);
/// Where the GPU finds host memory that is pinned. Errors: Unavailable.
absl::StatusOr<u64> AddressOnGpu(const void* pinned);

}  // namespace penstock::hip
