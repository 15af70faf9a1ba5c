// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A GPU's memory for others to write to.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hip/dma_buf_export.h"
#include "hip/gpu.h"
#include "hip/gpu_error.h"
#include "penstock/error.h"
#include "penstock/hip_device.h"

namespace penstock {
namespace {

// CUDA cuts less than this from a larger allocation, and does not export such a part.
constexpr uint64_t kUnitBytes = 2 << 20;

}  // namespace

absl::StatusOr<ExportedGpuMemory> AllocateExported(u32 index, uint64_t bytes) {
  if (bytes == 0 || bytes % kUnitBytes != 0) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("memory of ", bytes, " bytes cannot be exported: that is no multiple of 2 MiB")),
                     Fix("allocate a multiple of 2 MiB, as a window needs anyhow"));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const GpuFacts gpu, hip::FindGpu(index));
  const hip::CurrentGpu current(static_cast<int>(index));
  PENSTOCK_RETURN_IF_ERROR(current.status());
  void* memory = nullptr;
  if (const hipError_t error = hip::AllocateForPeers(&memory, bytes); error != hipSuccess) {
    return hip::GpuError(error, absl::StrCat("cannot get ", bytes, " bytes of GPU ", index, "'s memory for others to write to"));
  }
  ExportedGpuMemory exported;
  exported.memory = {memory, [life = hip::UntilReset(static_cast<int>(index))](void* allocated) {
                       if (!life.is_over()) static_cast<void>(hipFree(allocated));
                     }};
  exported.device_address = reinterpret_cast<u64>(memory);
  exported.bytes = bytes;
  exported.pci_address = gpu.pci_address;
  const hip::DmaBufCalls calls = hip::FindDmaBufCalls({hip::kExportRangeCall, hip::kExportAllocationCall, hip::kExportLibrary});
  PENSTOCK_ASSIGN_OR_RETURN(exported.dma_buf, hip::ExportDmaBuf(calls, memory, bytes));
  return exported;
}

}  // namespace penstock
