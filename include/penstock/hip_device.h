// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device for GPUs: the megakernel stays resident on one, in a stream of its own.
//
// While it runs, an application must not call what waits for every stream (hipDeviceSynchronize, synchronous copies, hipFree,
// anything on the null stream): docs/gpu.md has the list, and what to call instead.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "penstock/device.h"
#include "penstock/export.h"
#include "penstock/file_descriptor.h"

#if defined(__CUDACC__) || defined(__HIP__)
#include "penstock/device/megakernel.h"
#endif

namespace PENSTOCK_API penstock {

/// Sizes of a device on a GPU, and which one.
struct HipDeviceOptions : DeviceOptions {
  HipDeviceOptions() { workgroups = 0; }  // 0: one for each compute unit that is not left to the application

  u32 index = 0;                // which GPU, as hipGetDeviceCount counts them
  u32 spare_compute_units = 0;  // left to the application's own kernels
};

/// What the device launches, with the program's types taken away.
struct HipProgram {
  const void* kernel;                      // a __global__ function of the application, which takes a device::DeviceView
  LiveRing::ArgumentCount argument_count;  // of the program's opcodes
};

/// Runs an application's program; its object file holds the code for the GPU.
/// Errors: FailedPrecondition: no GPU, no driver, no code for this GPU, or a setting that makes launches wait; InvalidArgument;
/// ResourceExhausted: more workgroups than can be resident, or memory is short.
absl::StatusOr<std::unique_ptr<Device>> MakeHipDevice(const HipDeviceOptions& options, const HipProgram& program);

/// Runs Penstock's own handlers: needs no GPU compiler. Errors: as above.
absl::StatusOr<std::unique_ptr<Device>> MakeHipDevice(const HipDeviceOptions& options);

/// Memory of a GPU that can be given to others as a dma-buf: to be made a window of (PeerWindows::Reserve).
struct ExportedGpuMemory {
  std::shared_ptr<void> memory;  // frees it; whoever has imported the dma-buf keeps it in being
  u64 device_address = 0;        // for Device::RegisterDeviceMemory
  uint64_t bytes = 0;            // size
  FileDescriptor dma_buf;        // of the memory
  std::string pci_address;       // "0000:c1:00.0"
};

/// Allocates `bytes` of the memory of the GPU of this index, coherent with what others write to it, and exports it. Requires: no
/// megakernel runs that freeing it would have to wait for. Errors: InvalidArgument: no multiple of 2 MiB; ResourceExhausted;
/// FailedPrecondition: no GPU; Unimplemented: this library exports none; Unavailable.
absl::StatusOr<ExportedGpuMemory> AllocateExported(u32 index, uint64_t bytes);

/// A GPU, for people.
struct GpuFacts {
  std::string name;              // as the driver tells
  std::string architecture;      // e.g. "gfx942:sramecc+:xnack-" or "sm_90"
  u32 compute_units = 0;         // multiprocessors on NVIDIA
  std::string pci_address = "";  // "0000:c1:00.0"
};

/// The GPUs of this machine. Errors: FailedPrecondition, saying why none can be used.
absl::StatusOr<std::vector<GpuFacts>> FindGpus();

#if defined(__CUDACC__) || defined(__HIP__)

/// A device that runs `Program`: device::Program<MyHandler, ...>. For source files that a GPU compiler compiles.
template <typename Program>
absl::StatusOr<std::unique_ptr<Device>> MakeHipDevice(const HipDeviceOptions& options) {
  return MakeHipDevice(options, HipProgram{reinterpret_cast<const void*>(&device::Megakernel<Program>), &Program::ArgumentCount});
}

#endif

}  // namespace penstock
