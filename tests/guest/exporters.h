// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who exports a PCI function's memory as a dma-buf, as a GPU's driver does: vfio, and the module penstock_exporter, which does on
// demand what such a driver does only now and then.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "penstock/file_descriptor.h"
#include "tests/guest/penstock_exporter/penstock_exporter.h"

namespace penstock::guest {

/// Where ivshmem has its memory.
inline constexpr uint32_t kMemoryBar = 2;

/// A part of one BAR.
struct BarPiece {
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;
  uint32_t bar = kMemoryBar;
};

/// The driver of a PCI function, for as long as this lives; the function has none before and afterwards. A failure of the test if
/// the kernel does not bind it.
class ScopedDriver {
 public:
  ScopedDriver(const std::string& pci_address, const std::string& driver);
  ~ScopedDriver();
  ScopedDriver(const ScopedDriver&) = delete;
  ScopedDriver& operator=(const ScopedDriver&) = delete;

  /// Takes it from the function now. False if it had been taken already.
  bool Unbind();

 private:
  std::string pci_address_;
};

/// The name of a PCI function's driver; "" if it has none.
std::string DriverOf(const std::string& pci_address);

/// A PCI function that this process has by vfio. Its dma-bufs are taken back when this ends.
class VfioFunction {
 public:
  /// Errors: those of the system, with errno.
  static absl::StatusOr<std::unique_ptr<VfioFunction>> Open(const std::string& pci_address);

  /// A dma-buf of these parts, one behind the other; vfio exports parts of one BAR. Errors: as Open.
  absl::StatusOr<FileDescriptor> Export(const std::vector<BarPiece>& pieces) const;

 private:
  explicit VfioFunction(const std::string& pci_address) : driver_(pci_address, "vfio-pci") {}
  absl::Status OpenDevice(const std::string& pci_address);

  // The descriptors close before the driver goes: it would wait for them.
  ScopedDriver driver_;
  FileDescriptor container_;
  FileDescriptor group_;
  FileDescriptor device_;
};

/// Of a buffer of the module penstock_exporter. `flags`: PENSTOCK_EXPORTER_SYSTEM_MEMORY and so on; `error_number`: with which
/// pins or maps fail.
struct Behaviour {
  uint32_t flags = 0;
  int error_number = 0;
};

/// The module penstock_exporter on one PCI function. Its buffers outlive it, and this process.
class TestExporter {
 public:
  struct Buffer {
    uint32_t number;
    FileDescriptor dma_buf;
  };
  /// What importers have of a buffer, or of all.
  struct Counts {
    uint32_t buffers = 0;
    uint32_t attachments = 0;
    uint32_t pins = 0;
    uint32_t maps = 0;
    uint32_t maps_ever = 0;
    bool operator==(const Counts&) const = default;
  };

  explicit TestExporter(const std::string& pci_address);

  /// Errors of all: those of the module (penstock_exporter.h), with errno.
  absl::StatusOr<Buffer> Export(const std::vector<BarPiece>& pieces, Behaviour behaviour = {}) const;
  absl::Status Behave(uint32_t buffer, Behaviour behaviour) const;
  /// The importers are told that the memory goes elsewhere; ends when none has it mapped.
  absl::Status Move(uint32_t buffer, absl::Duration limit = absl::Seconds(10)) const;
  /// Of one buffer; 0: of all that there are.
  absl::StatusOr<Counts> Count(uint32_t buffer = 0) const;

  const std::string& pci_address() const { return pci_address_; }
  bool Unbind() { return driver_.Unbind(); }

 private:
  std::string pci_address_;
  ScopedDriver driver_;
  FileDescriptor device_;
};

/// A virtual function of the controller with that serial number, which has no driver; a failure of the test if it has none to
/// give. It goes at the end.
class ScopedVirtualFunction {
 public:
  explicit ScopedVirtualFunction(const std::string& serial);
  ~ScopedVirtualFunction();
  ScopedVirtualFunction(const ScopedVirtualFunction&) = delete;
  ScopedVirtualFunction& operator=(const ScopedVirtualFunction&) = delete;

  const std::string& pci_address() const { return pci_address_; }

 private:
  std::string parent_;  // its folder in /sys
  std::string pci_address_;
};

}  // namespace penstock::guest
