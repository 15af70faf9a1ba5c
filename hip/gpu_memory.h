// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory of the two sides of the bus, and of anybody's that is to be reached from the GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
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

/// Whose pages are reachable from the GPU: each page once, however many buffers share it. Unregisters what it registered.
class HostPages {
 public:
  HostPages() = default;
  ~HostPages();
  HostPages(const HostPages&) = delete;
  HostPages& operator=(const HostPages&) = delete;

  /// Makes every page of `memory` reachable; the GPU's address of its first byte. Memory of the GPU, and what the application has
  /// pinned itself, is taken as it is. Errors: ResourceExhausted: more locked memory than allowed; Unavailable.
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory);

  /// Keeps everything registered for ever.
  void Abandon() { pieces_.clear(); }

 private:
  bool IsOurs(const void* byte) const;
  absl::Status Register(uintptr_t begin, uintptr_t end);

  std::map<uintptr_t, uintptr_t> pieces_;  // first byte, past the last byte
};

}  // namespace penstock::hip
