// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/host/gpus.h"

#include "penstock/error.h"

namespace penstock::host {

#if defined(PENSTOCK_WITH_HIP)

bool IsBuiltWithHip() { return true; }

FoundGpus ListGpus() { return FindGpus(); }

absl::StatusOr<std::unique_ptr<Device>> MakeGpuDevice(u32 index, const DeviceOptions& options) {
  HipDeviceOptions hip_options;
  static_cast<DeviceOptions&>(hip_options) = options;
  hip_options.index = index;
  return MakeHipDevice(hip_options);
}

absl::StatusOr<uint32_t> ReserveGpuWindow(u32 index, uint64_t bytes, const PeerWindows& module) {
  PENSTOCK_ASSIGN_OR_RETURN(const ExportedGpuMemory exported, AllocateExported(index, bytes));
  return module.Reserve(exported.dma_buf.get(), exported.pci_address);
}

#else

namespace {

absl::Status NotBuiltIn() {
  return MakeError(absl::StatusCode::kUnimplemented, What("this penstock is built without HIP"),
                   Fix("build it with -DPENSTOCK_WITH_HIP=ON"));
}

}  // namespace

bool IsBuiltWithHip() { return false; }

FoundGpus ListGpus() { return NotBuiltIn(); }

absl::StatusOr<std::unique_ptr<Device>> MakeGpuDevice(u32, const DeviceOptions&) { return NotBuiltIn(); }

absl::StatusOr<uint32_t> ReserveGpuWindow(u32, uint64_t, const PeerWindows&) { return NotBuiltIn(); }

#endif

}  // namespace penstock::host
