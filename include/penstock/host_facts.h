// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What this machine offers to ingest, as far as can be seen without a device: kernel, io_uring, memory, IOMMU, PCI functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "penstock/export.h"
#include "penstock/peer_window.h"

namespace PENSTOCK_API penstock {

/// What io_uring can do here. Found by setting rings up, not from version numbers.
struct IoUringFacts {
  absl::Status usable;                      // OK, or why no ring can be set up, with a remedy
  std::optional<uint32_t> disabled_sysctl;  // kernel.io_uring_disabled: 0 for all, 1 for privileged and one group, 2 for none
  bool has_big_entries = false;             // 128-byte submissions and 32-byte completions, which passthrough needs (5.19)
  bool has_passthrough = false;             // the opcode URING_CMD (5.19)
  bool has_deferred_work = false;           // DEFER_TASKRUN (6.1)
};

/// What memory may be locked, and on which pages it can lie.
struct MemoryFacts {
  std::optional<uint64_t> locked_limit_bytes;  // what may be locked and registered; nothing: no limit for this process
  uint64_t huge_pages = 0;                     // of 2 MiB, reserved by the administrator
  uint64_t free_huge_pages = 0;                // of them, not in use
  std::string transparent_huge;                // "always", "madvise" or "never"; empty: the kernel has none
};

/// What lies between devices and memory.
struct IommuFacts {
  std::vector<std::string> units;  // e.g. "ivhd0", "dmar0"; empty: none, or switched off
  uint32_t group_count = 0;        // groups that devices are in
};

/// A PCI function whose driver has given part of a BAR to the kernel as peer-to-peer memory.
struct P2pProvider {
  std::string pci_address;     // e.g. "0000:02:00.0"
  std::string driver;          // e.g. "nvme"
  uint64_t size_bytes = 0;     // of the pool
  uint64_t free_bytes = 0;     // of the pool, not taken by anybody
  bool is_published = false;   // other drivers may use it
  bool can_be_mapped = false;  // by programs, through p2pmem/allocate (6.2)
  bool is_gpu = false;         // the pool belongs to the GPU's driver: not for us to take from
};

/// A PCI display controller (class 03) or processing accelerator (class 12).
struct PciGpu {
  std::string pci_address;               // e.g. "0000:41:00.0"
  uint32_t vendor = 0;                   // 0x1002 AMD, 0x10de NVIDIA, 0x8086 Intel
  uint32_t device = 0;                   // PCI device number
  std::string driver;                    // empty: none is bound
  int numa_node = -1;                    // -1: the kernel tells none
  uint64_t largest_bar_bytes = 0;        // 0: it has none
  std::optional<uint64_t> memory_bytes;  // its own memory, where the driver tells (amdgpu)
  std::optional<bool> has_large_bar;     // the BAR covers all of that memory
};

/// What the kernel module penstock_p2p tells.
struct WindowFacts {
  absl::Status usable;              // OK, or why the module cannot be asked, with a remedy
  std::vector<PeerWindow> windows;  // by number, revoked ones too
};

/// All of it.
struct HostFacts {
  std::string kernel_release;  // "6.1.0-50-amd64"
  /// Of this process's user.
  IoUringFacts io_uring;
  /// Of this process.
  MemoryFacts memory;
  /// Of this host.
  IommuFacts iommu;
  std::optional<bool> has_p2pdma;          // CONFIG_PCI_P2PDMA; nothing: the kernel's configuration cannot be read here
  std::vector<P2pProvider> p2p_providers;  // those that sysfs shows
  std::vector<PciGpu> gpus;                // all of them, with or without a driver
  WindowFacts peer_windows;                // of the module penstock_p2p

  /// The kernel is this version or a later one.
  bool kernel_is_at_least(uint32_t version, uint32_t patch_level) const;
};

/// Where the kernel's files are mounted; tests have their own.
struct HostRoots {
  std::string sys = "/sys";    // sysfs
  std::string proc = "/proc";  // procfs
  std::string boot = "/boot";  // where distributions keep the kernel's configuration
  std::string dev = "/dev";    // device nodes
};

/// Looks, and sets up rings of io_uring for a moment. What cannot be read is left as if it were not there.
/// Threads: any. Cost: some hundred small files.
HostFacts ReadHostFacts(const HostRoots& roots = {});

}  // namespace penstock
