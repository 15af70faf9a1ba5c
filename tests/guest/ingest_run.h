// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One ingest of a guest's disks on the CPU device.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "penstock/cpu_device.h"
#include "penstock/ingest.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {

inline absl::StatusOr<IngestReport> IngestCrc32c(const std::vector<std::string>& sources, const IngestOptions& options) {
  absl::StatusOr<std::unique_ptr<Device>> device = MakeCpuDevice<device::Program<>>({});
  if (!device.ok()) return device.status();
  const std::unique_ptr<Operation> operation = MakeCrc32cOperation();
  return Ingest(**device, sources, *operation, options);
}

}  // namespace penstock::guest
