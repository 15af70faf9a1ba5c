// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NVMe read and write commands as io_uring takes them, and how a read or write is split into commands. Nothing here talks to a
// device.
#pragma once

#include <liburing.h>
#include <linux/nvme_ioctl.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "penstock/direction.h"
#include "penstock/export.h"
#include "penstock/nvme.h"

namespace penstock::driver {

/// The most blocks that one command can name: NLB has 16 bits and counts from 0.
inline constexpr uint64_t kMaxCommandBlocks = 65536;

/// A part of a namespace. Offset and length are multiples of its block.
struct NvmeExtent {
  uint64_t offset_bytes = 0;
  uint32_t length_bytes = 0;
};

/// The most that one command may read into, or write from, page-aligned memory of which nothing is known: by MDTS, by the
/// kernel's limits of bytes and of pieces of memory for a request (a page each, in the worst case), and by the 65536 blocks that
/// a command can name. A whole number of blocks, and of pages if it is at least one. Above the first three the kernel refuses the
/// command (-EINVAL), or copies the bytes through memory of its own.
uint32_t MaxCommandBytes(const NvmeNamespace& nvme);

/// Bytes of each command but the last, when `length_bytes` are read in as few commands as possible, of about equal size.
/// A whole number of blocks, at most MaxCommandBytes, and at most `limit_bytes` unless a block is more; a multiple of pages if
/// those are.
PENSTOCK_API uint32_t CommandBytes(const NvmeNamespace& nvme, uint32_t length_bytes, size_t limit_bytes);

/// How much of a read its next command takes.
struct NvmeCut {
  uint32_t length_bytes = 0;     // whole blocks, at least one
  bool crosses_regions = false;  // its memory does not lie in one registered region
};

/// A command of `most_bytes` (whole blocks, at least one) whose memory has `region_bytes` left to the end of its registered
/// region. It ends there, but never within a block, since a command names whole ones: where that region has no room for a block,
/// the command is that block, which goes on in the next region.
NvmeCut CutCommand(const NvmeNamespace& nvme, uint32_t most_bytes, size_t region_bytes);

/// The kernel's 72 bytes for a Read (opcode 02h, NVMe NVM Command Set Specification 1.0, 3.2.4) or a Write (01h, 3.2.6). No
/// timeout of its own: the kernel would abort the command and, should that fail, reset the controller under everybody who uses
/// it; nvme_core.io_timeout holds. No Force Unit Access, as in the kernel's own direct I/O: a write has ended when the controller
/// has the bytes, in a cache if it has one; a flush makes them outlast a loss of power. Requires: the extent is
/// whole blocks, at least one and at most MaxCommandBytes.
nvme_uring_cmd MakeCommand(Direction direction, const NvmeNamespace& nvme, const NvmeExtent& extent, std::byte* memory);

/// Makes an entry of a ring with 128-byte entries send `command` to `fd`, a namespace's character node. `buffer_index`: the
/// registered buffer that the memory lies in (kernel 6.1), or nothing if its pages are to be pinned for this command.
void PrepareCommand(io_uring_sqe& entry, int fd, const nvme_uring_cmd& command, std::optional<uint16_t> buffer_index);

}  // namespace penstock::driver
