// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an NVMe namespace and the controller behind it say of themselves. Plain data, as far as the kernel lets this user see it.
#pragma once

#include <cstdint>
#include <string>

#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// The controller: one NVMe function. NVMe Base Specification 2.0, 5.17.2.1 (Identify Controller), and sysfs.
struct NvmeController {
  std::string name;         // "nvme0"
  std::string pci_address;  // "0000:00:04.0"; empty if it is no PCI function (fabrics)
  std::string model;        // without the spaces at its ends, like the two below
  /// As identify data have it, without the blanks at its end.
  std::string serial;
  /// Revision, as identify data have it.
  std::string firmware;
  uint64_t max_transfer_bytes = 0;  // MDTS; 0: no limit
  int numa_node = -1;               // -1: the kernel does not say
  uint32_t poll_queue_count = 0;    // 0: IOPOLL does not work
};

/// The namespace. NVMe Command Set Specification 1.0, 4.1.5.1 (Identify Namespace), and sysfs.
struct NvmeNamespace {
  NvmeController controller;          // with multipath: the first live one
  uint32_t path_count = 1;            // controllers that lead to it
  std::string char_node;              // "/dev/ng0n1"; empty where the kernel has none (before 5.13)
  std::string block_node;             // "/dev/nvme0n1"; empty where the kernel hides it
  uint32_t id = 0;                    // NSID
  uint32_t block_bytes = 0;           // logical block, without metadata
  uint64_t block_count = 0;           // NSZE
  uint32_t metadata_bytes = 0;        // of a logical block
  bool metadata_interleaved = false;  // the metadata lies between the blocks' data (FLBAS bit 4)
  uint32_t max_command_bytes = 0;     // the kernel's limit for one command (max_hw_sectors_kb); 0: unknown
  uint32_t max_segments = 0;          // the kernel's limit of pieces of memory for one command; 0: unknown
  uint32_t queue_depth = 0;           // commands that the block layer keeps in flight for a queue (nr_requests); 0: unknown
  uint32_t memory_alignment = 0;      // bytes; elsewhere the kernel copies a passthrough read (dma_alignment); 0: unknown

  /// Size of the namespace.
  uint64_t size_bytes() const { return block_count * block_bytes; }
};

/// What a controller has counted since it was made (SMART log page, NVMe Base Specification 2.0, 5.16.1.3), the low 64 bits.
struct NvmeReadCounters {
  uint64_t host_read_commands = 0;  // read commands that the controller has completed
  uint64_t data_units_read = 0;     // of 512,000 bytes, rounded up by the controller
};

}  // namespace penstock
