// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device_memory.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "driver/mapping.h"
#include "driver/pci_address.h"
#include "driver/pci_facts.h"
#include "driver/rounding.h"
#include "driver/sysfs_file.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

using driver::kPageBytes;

/// The function's folder in sysfs, if it has published memory that may be mapped.
absl::StatusOr<fs::path> PeerMemoryFolder(const std::string& pci_address, const std::string& sysfs) {
  PENSTOCK_ASSIGN_OR_RETURN(const driver::PciAddress parsed, driver::ParsePciAddress(pci_address));
  const std::string address = parsed.ToString();
  const fs::path function = fs::path(sysfs) / "bus/pci/devices" / address;
  std::error_code ignored;
  if (!fs::is_directory(function, ignored)) {
    return MakeError(absl::StatusCode::kNotFound, What(absl::StrCat("there is no PCI function ", address)),
                     Fix("look for its address with lspci -D"));
  }
  uint32_t pci_class = 0;
  const std::string class_text = driver::ReadText(function / "class").value_or("");
  if (!absl::SimpleHexAtoi(class_text, &pci_class)) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat("sysfs does not tell what kind of device ", address, " is (class '", class_text, "')")),
                     Fix("mount sysfs at /sys"));
  }
  if (driver::IsGpuClass(pci_class)) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat(address,
                                       " is a GPU or accelerator: its driver hands out its memory, and taking some behind "
                                       "the driver's back would corrupt it")),
                     Fix("allocate the memory with HIP and hand its mapping to the runtime"));
  }
  const fs::path folder = function / "p2pmem";
  if (!fs::is_directory(folder, ignored)) {
    return MakeError(absl::StatusCode::kNotFound, What(absl::StrCat(address, " has published no peer-to-peer memory")),
                     Fix("name a function with a p2pmem folder in sysfs, such as an NVMe controller with a memory buffer (CMB), "
                         "on a kernel with CONFIG_PCI_P2PDMA"));
  }
  if (!driver::Exists(folder / "allocate")) {
    return MakeError(absl::StatusCode::kUnimplemented,
                     What(absl::StrCat("this kernel cannot map the peer-to-peer memory of ", address)),
                     Fix("use Linux 6.2 or later"));
  }
  return folder;
}

uint64_t FreeBytes(const fs::path& folder) { return driver::ReadNumber(folder / "available").value_or(0); }

absl::Status MapError(int error_number, const std::string& name, size_t bytes, uint64_t free_bytes) {
  What what(absl::StrCat("cannot map ", bytes, " bytes of the ", name));
  if (error_number == EACCES || error_number == EPERM) {
    return MakeErrnoError(absl::StatusCode::kPermissionDenied, error_number, std::move(what),
                          Fix("run as root, or give this user read and write access to its p2pmem/allocate in sysfs"));
  }
  what.text += absl::StrCat(", of which ", free_bytes, " are free");
  return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number, std::move(what),
                        Fix("use fewer or smaller buffers (a smaller depth, shorter reads), or end who else uses that memory"));
}

}  // namespace

absl::StatusOr<DeviceMemory> MapPeerMemory(const std::string& pci_address, size_t bytes, const std::string& sysfs) {
  PENSTOCK_ASSIGN_OR_RETURN(const fs::path folder, PeerMemoryFolder(pci_address, sysfs));
  if (bytes == 0 || bytes % kPageBytes != 0) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat(bytes, " bytes of peer-to-peer memory are no whole pages")),
                     Fix(absl::StrCat("ask for a multiple of ", kPageBytes, " bytes")));
  }
  const std::string name = absl::StrCat("p2pmem of ", pci_address);
  const FileDescriptor allocate(open((folder / "allocate").c_str(), O_RDWR | O_CLOEXEC));
  if (allocate.get() < 0) return MapError(errno, name, bytes, FreeBytes(folder));
  std::shared_ptr<void> owner = driver::MapShared(allocate.get(), bytes);
  if (owner == nullptr) return MapError(errno, name, bytes, FreeBytes(folder));
  return driver::MappedMemory(std::move(owner), bytes, name);
}

absl::StatusOr<uint64_t> FreePeerMemoryBytes(const std::string& pci_address, const std::string& sysfs) {
  PENSTOCK_ASSIGN_OR_RETURN(const fs::path folder, PeerMemoryFolder(pci_address, sysfs));
  return FreeBytes(folder);
}

absl::StatusOr<DeviceMemory> MapDmaBuf(int fd, size_t bytes, const std::string& name) {
  std::shared_ptr<void> owner = driver::MapShared(fd, bytes);
  if (owner == nullptr) {
    return MakeErrnoError(absl::StatusCode::kUnavailable, errno,
                          What(absl::StrCat("cannot map ", bytes, " bytes of the dma-buf ", name)),
                          Fix("use a buffer of at least that size, whose driver lets the CPU map it"));
  }
  return driver::MappedMemory(std::move(owner), bytes, name);
}

}  // namespace penstock
