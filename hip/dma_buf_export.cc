// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/dma_buf_export.h"

#include <dlfcn.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

constexpr int kDmaBufDescriptor = 1;  // hipMemRangeHandleTypeDmaBufFd, CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD

template <typename Function>
Function Find(const char* name, const char* library) {
  if (name == nullptr) return nullptr;
  void* const loaded = library == nullptr ? RTLD_DEFAULT : dlopen(library, RTLD_LAZY);
  if (library != nullptr && loaded == nullptr) return nullptr;
  return reinterpret_cast<Function>(dlsym(loaded, name));
}

absl::Status Refused(const char* call, int result) {
  return MakeError(absl::StatusCode::kUnavailable,
                   What(absl::StrCat("the GPU's memory cannot be exported as a dma-buf: ", call, " ended with ", result)),
                   Fix("use a driver and kernel that export dma-bufs (CONFIG_DMABUF_MOVE_NOTIFY, CONFIG_PCI_P2PDMA)"));
}

}  // namespace

DmaBufCalls FindDmaBufCalls(const DmaBufCallNames& names) {
  return {.of_range = Find<decltype(DmaBufCalls::of_range)>(names.of_range, names.library),
          .of_allocation = Find<decltype(DmaBufCalls::of_allocation)>(names.of_allocation, nullptr)};
}

absl::StatusOr<FileDescriptor> ExportDmaBuf(const DmaBufCalls& calls, void* memory, size_t bytes) {
  int descriptor = -1;
  if (calls.of_range != nullptr) {
    const int result = calls.of_range(&descriptor, memory, bytes, kDmaBufDescriptor, 0);
    if (result == 0) return FileDescriptor(descriptor);
    if (calls.of_allocation == nullptr) return Refused("the call for a range of memory", result);
  }
  if (calls.of_allocation == nullptr) {
    return MakeError(absl::StatusCode::kUnimplemented, What("the GPU's library has no call that exports memory as a dma-buf"),
                     Fix("use ROCm 5.6 or later, or CUDA 11.7 or later"));
  }
  uint64_t offset_bytes = 0;
  const int result = calls.of_allocation(memory, bytes, &descriptor, &offset_bytes);
  if (result != 0) return Refused("hsa_amd_portable_export_dmabuf", result);
  FileDescriptor exported(descriptor);
  if (offset_bytes == 0) return exported;
  // The window would begin elsewhere than the memory that the GPU is told of.
  return MakeError(absl::StatusCode::kInternal,
                   What(absl::StrCat("the exported buffer begins ", offset_bytes, " bytes before the memory")),
                   Fix("allocate more at once, so that it is an allocation of its own, or report it as a bug"));
}

}  // namespace penstock::hip
