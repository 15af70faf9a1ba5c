// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an NVMe controller answers through the kernel's ioctls: identify data, its read counters, a plain synchronous read.
//
// The one place that knows libnvme. Parsing is apart from asking, so that it is tested without a device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/nvme.h"

namespace penstock::driver {

/// An open namespace node, /dev/ngXnY or /dev/nvmeXnY, and its name for messages. A partition's node answers for
/// the whole namespace, and the kernel takes reads through it from nobody but root: callers give the whole namespace's.
struct NvmeNode {
  int fd;
  std::string_view name;
};

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

/// What an ioctl's answer means: `result` is 0, a positive NVMe status, or -1 with `error_number`. `act` says what was done, for
/// the message: "identifying the controller".
absl::Status NvmeAnswer(int result, int error_number, const NvmeNode& node, std::string_view act);

// All of the following: Threads: any. They block until the controller has answered.
// Errors: PermissionDenied (EACCES, EPERM: kernels before 6.2 want CAP_SYS_ADMIN for every command, later ones let whoever may
// read the node identify and read; the SMART log is always root's), InvalidArgument (ENOTTY: no NVMe namespace; EINVAL),
// Unavailable (ENODEV, ENXIO: the controller is gone; EINTR: it was reset meanwhile; others), or what the NVMe status means.
// Errno or NVMe status is attached.

/// Fills what ParseIdentifyNamespace fills, and id.
absl::Status IdentifyNamespace(const NvmeNode& node, NvmeNamespace& into);
/// Fills what ParseIdentifyController fills. With multipath: of a live controller that the kernel chooses.
absl::Status IdentifyController(const NvmeNode& node, NvmeController& into);
/// Of the whole controller, all namespaces together; with multipath of a live one that the kernel chooses.
absl::StatusOr<NvmeReadCounters> ReadCounters(const NvmeNode& node);

/// Reads the blocks from `first_block` on that fill `into`, by one passthrough command through the ioctl: no io_uring, no
/// registered memory. `into` may be any ordinary memory; the kernel copies where the controller cannot reach it.
/// Errors besides those above: InvalidArgument if `into` is not 1 to 65536 whole blocks or exceeds max_command_bytes; OutOfRange
/// past the end; FailedPrecondition if the blocks have metadata.
absl::Status ReadBlocks(const NvmeNode& node, const NvmeNamespace& space, uint64_t first_block, absl::Span<std::byte> into);

/// libnvme's name of a status (15 bits), or its type and code where libnvme has none.
std::string NvmeStatusText(uint16_t raw);

}  // namespace penstock::driver
