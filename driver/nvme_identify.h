// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the pages mean that an NVMe controller answers with: identify data, its read counters.
//
// The one place that knows libnvme. Parsing is apart from asking (nvme_ioctl.h), so that it is tested without a device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "penstock/nvme.h"

namespace penstock::driver {

/// A page of identify data: NVMe Base Specification 2.0, 5.17.
using IdentifyPage = std::array<std::byte, 4096>;
/// The SMART / Health Information log page: 5.16.1.3.
using SmartLogPage = std::array<std::byte, 512>;

/// Fills block_bytes, block_count, metadata_bytes and metadata_interleaved, or leaves all of them.
/// Errors: FailedPrecondition for a block size that no read can use (not active: all zero; below 512 bytes or above 1 MiB), and
/// for a size of 2^63 bytes and more.
absl::Status ParseIdentifyNamespace(const IdentifyPage& page, std::string_view name, NvmeNamespace& into);
/// Fills model, serial, firmware and max_transfer_bytes.
void ParseIdentifyController(const IdentifyPage& page, NvmeController& into);
NvmeReadCounters ParseSmartLog(const SmartLogPage& page);

/// libnvme's name of a status (15 bits), or its type and code where libnvme has none.
std::string NvmeStatusText(uint16_t raw);

}  // namespace penstock::driver
