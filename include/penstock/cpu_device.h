// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device for machines without a GPU: every workgroup is a thread that runs the same interpreter, resident.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "penstock/device.h"
#include "penstock/device/interpreter.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Sizes of a CPU device.
struct CpuDeviceOptions : DeviceOptions {
  u32 lanes = 1;  // lanes a workgroup; more than 1, a thread each, is for running many-lane code without a GPU
};

/// Those of `options`, for who opens whatever device there is: where it names no number of workgroups (0), one less than there
/// are processors, and at least 1, so that the thread that reads has one for itself.
CpuDeviceOptions CpuOptionsOf(const DeviceOptions& options);

/// What the device launches, with the program's types taken away.
struct CpuProgram {
  /// Runs the resident loop of one workgroup's lane until it is told to leave. `memory` is the workgroup's.
  void (*run)(const device::DeviceView& view, device::Group& group, void* memory);
  size_t memory_bytes;                     // of one workgroup
  LiveRing::ArgumentCount argument_count;  // of the program's opcodes
};

/// Errors: InvalidArgument for sizes of zero or past their limits.
absl::StatusOr<std::unique_ptr<Device>> MakeCpuDevice(const CpuDeviceOptions& options, const CpuProgram& program);

/// A device that runs `Program`: device::Program<> for the built-in and data opcodes, device::Program<MyHandler, ...> for those
/// and yours.
template <typename Program = device::Program<>>
absl::StatusOr<std::unique_ptr<Device>> MakeCpuDevice(const CpuDeviceOptions& options) {
  using Memory = device::WorkgroupMemory<Program>;
  return MakeCpuDevice(options, {[](const device::DeviceView& view, device::Group& group, void* memory) {
                                   device::RunWorkgroup<Program>(view, group, *static_cast<Memory*>(memory));
                                 },
                                 sizeof(Memory), &Program::ArgumentCount});
}

}  // namespace penstock
