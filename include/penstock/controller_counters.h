// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What controllers and the kernel count by themselves: proof of which way a run's bytes came.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "penstock/export.h"
#include "penstock/file_descriptor.h"
#include "penstock/nvme.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// What a controller did between two looks. It serves everybody: the counts hold other processes' reads too.
struct ControllerCounts {
  NvmeController controller;       // which one
  uint64_t read_commands = 0;      // that the controller has executed (SMART log)
  uint64_t data_units_read = 0;    // of 512,000 bytes, as the controller rounds
  uint64_t block_layer_reads = 0;  // of them, those that the kernel's block layer sent for the volumes; passthrough sends none
  absl::Status status;             // why the first two are not known, and 0: the log is for root only, and says nothing of
                                   // a namespace that several controllers lead to
};

/// Threads: one at a time.
class ControllerCounters {
 public:
  /// Takes the counters of the volume's controller as they are now, the first time that the controller is seen. Volumes that are
  /// no NVMe namespaces are ignored.
  void Begin(const Volume& volume);
  /// What has been counted since, one entry a controller, in the order in which they were seen.
  std::vector<ControllerCounts> Read() const;

 private:
  struct Watched {
    NvmeController controller;
    FileDescriptor node;
    absl::Status status;
    NvmeReadCounters begin;
    std::vector<std::pair<std::string, uint64_t>>
        block_stats;  // a block node's statistics in sysfs, and its reads at the beginning
  };

  Watched& Watch(const Volume& volume);

  std::vector<Watched> watched_;
};

}  // namespace penstock
