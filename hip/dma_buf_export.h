// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Handing out a GPU's memory as a dma-buf. The calls for it are found at run time: older libraries lack them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/file_descriptor.h"

namespace penstock::hip {

/// The calls that export memory; null where the library has none. Both return 0 for success.
struct DmaBufCalls {
  /// hipMemGetHandleForAddressRange and cuMemGetHandleForAddressRange: a descriptor of this range and nothing else. `type` is 1.
  int (*of_range)(void* descriptor, void* address, size_t bytes, int type, unsigned long long flags) = nullptr;
  /// hsa_amd_portable_export_dmabuf: a descriptor of the allocation that has the range, and the range's offset in that.
  int (*of_allocation)(const void* address, size_t bytes, int* descriptor, uint64_t* offset_bytes) = nullptr;
};

/// Those that this process has loaded. `library`: where of_range comes from if it is not among the libraries of the program.
struct DmaBufCallNames {
  const char* of_range = nullptr;
  const char* of_allocation = nullptr;
  const char* library = nullptr;
};
DmaBufCalls FindDmaBufCalls(const DmaBufCallNames& names);

/// A dma-buf whose first byte is that of `memory`, an allocation of its own. Errors: Unimplemented: there is no call for it;
/// Unavailable: the library refuses; Internal: the allocation is a part of a larger one.
absl::StatusOr<FileDescriptor> ExportDmaBuf(const DmaBufCalls& calls, void* memory, size_t bytes);

}  // namespace penstock::hip
