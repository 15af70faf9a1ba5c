// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run of Ingest and one of Pull begin with.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"
#include "penstock/export.h"
#include "penstock/ingest.h"

namespace PENSTOCK_API penstock {

/// Errors: InvalidArgument for a chunk or a depth that cannot be.
absl::Status CheckIngestOptions(const IngestOptions& options);

/// The pool's memory as slots name it: where the device has it already under its own address, that; otherwise it is made
/// reachable. Errors: as Device::RegisterBuffer.
absl::StatusOr<u32> RegisterPool(Device& device, const BufferPool& pool, u32 rights);

std::string NameOfPages(BufferPool::Pages pages);

}  // namespace penstock
