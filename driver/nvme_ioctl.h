// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asking an NVMe controller through the kernel's ioctls: identify data, its read counters, a plain synchronous read.
//
// By file descriptors that are open already; since 3.0 libnvme sends commands only through nodes that it has opened itself.
#pragma once

#include <cstddef>
#include <cstdint>
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

}  // namespace penstock::driver
