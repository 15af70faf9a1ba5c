// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the kernel tells of NVMe namespaces in /sys: their nodes, controllers and limits. Nothing is opened, nobody is asked.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "penstock/nvme.h"

namespace penstock::driver {

enum class NodeKind { kCharacter, kBlock };

/// A partition of a block device. Passthrough commands do not keep to its bounds.
struct Partition {
  std::string disk;  // the node of the whole, e.g. "/dev/nvme0n1"
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
};

/// What a device node is.
struct DeviceFacts {
  std::string name;                    // the kernel's, e.g. "nvme0n1p2" or "sda"
  std::optional<Partition> partition;  // it is one, of NVMe or anything else
  std::optional<NvmeNamespace> space;  // the namespace that it is, or whose partition it is; nothing: no NVMe namespace
  bool is_nvme_controller = false;     // /dev/nvme0: the controller's own node, not a namespace
};

/// Finds the device with this number under `sys`, the mount point of sysfs. Device-mapper, RAID and loop devices are what they
/// are themselves, even if NVMe is below them.
///
/// Of a namespace everything is filled that sysfs has: nodes, id, the kernel's limits, and of the first live controller that
/// leads to it name, PCI address, model, serial, firmware, NUMA node and poll queues. With several paths the limits are the
/// smallest. block_bytes and block_count are what the kernel uses, metadata_bytes is known from kernel 6.8 on; max_transfer_bytes
/// and metadata_interleaved are only known to the controller (IdentifyNamespace and IdentifyController overwrite all of these).
/// Errors: FailedPrecondition if no sysfs is there, NotFound if it has no such device.
absl::StatusOr<DeviceFacts> FindDevice(dev_t number, NodeKind kind, const std::string& sys = "/sys");

/// Every NVMe namespace of the machine, in the order of their names. Empty if there is none.
std::vector<NvmeNamespace> ListNvmeNamespaces(const std::string& sys = "/sys");

}  // namespace penstock::driver
