// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory of a PCI device, mapped into this process through the device's BAR: what path `bar` reads into. Whether a controller can
// reach it is never assumed from where it came from: a read into it is tried (ProbePath).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Page-aligned memory, as the CPU sees it. An application that has such a mapping from elsewhere (a HIP allocation that the host
/// can address) fills one in itself. Copies share the owner.
struct DeviceMemory {
  absl::Span<std::byte> memory;           // as the CPU has it mapped
  std::string name;                       // for messages: "p2pmem of 0000:00:05.0"
  std::shared_ptr<void> owner = nullptr;  // keeps it mapped; null if somebody else does
  /// Where the device that is to work on it has the first byte (Device::ImportDmaBuf); nothing: it finds it where the CPU does.
  std::optional<uint64_t> device_address = std::nullopt;
};

/// Maps `bytes` of the memory that the kernel has published for a PCI function as peer-to-peer memory: an NVMe controller's
/// memory buffer, or another device whose driver or module registered its BAR. Contents are undefined. Kernel 6.2.
///
/// `pci_address` is domain:bus:device.function, or without the domain for domain 0. `sysfs` is for tests.
/// Errors: InvalidArgument (no address, not whole pages), NotFound (no such function, nothing published), Unimplemented (kernel
/// before 6.2), FailedPrecondition (a GPU's or accelerator's: its driver hands that memory out), PermissionDenied,
/// ResourceExhausted (less is free). Threads: any.
absl::StatusOr<DeviceMemory> MapPeerMemory(const std::string& pci_address, size_t bytes, const std::string& sysfs = "/sys");

/// Bytes that MapPeerMemory could still map, as the kernel says. Errors: as MapPeerMemory.
absl::StatusOr<uint64_t> FreePeerMemoryBytes(const std::string& pci_address, const std::string& sysfs = "/sys");

/// Maps the first `bytes` of the dma-buf `fd`, which a driver has exported (HIP: hipMemGetHandleForAddressRange) and lets the CPU
/// map. The descriptor may be closed afterwards. Errors: Unavailable, with the errno. Threads: any.
absl::StatusOr<DeviceMemory> MapDmaBuf(int fd, size_t bytes, const std::string& name);

}  // namespace penstock
