// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_command.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "driver/rounding.h"
#include "penstock/check.h"

namespace penstock::driver {
namespace {

constexpr uint8_t kReadOpcode = 0x02;
constexpr uint8_t kWriteOpcode = 0x01;

// What io_uring copies from the end of a 128-byte entry.
static_assert(sizeof(nvme_uring_cmd) == 72);
static_assert(sizeof(nvme_uring_cmd) <= 2 * sizeof(io_uring_sqe) - offsetof(io_uring_sqe, cmd));

}  // namespace

uint32_t MaxCommandBytes(const NvmeNamespace& nvme) {
  uint64_t bytes =
      std::min(kMaxCommandBlocks * nvme.block_bytes, RoundDown(std::numeric_limits<uint32_t>::max(), nvme.block_bytes));
  if (nvme.controller.max_transfer_bytes > 0) bytes = std::min(bytes, nvme.controller.max_transfer_bytes);
  if (nvme.max_command_bytes > 0) bytes = std::min<uint64_t>(bytes, nvme.max_command_bytes);
  if (nvme.max_segments > 0) bytes = std::min(bytes, uint64_t{nvme.max_segments} * kPageBytes);
  const uint32_t step = std::max(kPageBytes, nvme.block_bytes);
  bytes = RoundDown(bytes, bytes >= step ? step : nvme.block_bytes);
  return static_cast<uint32_t>(std::max<uint64_t>(bytes, nvme.block_bytes));
}

uint32_t CommandBytes(const NvmeNamespace& nvme, uint32_t length_bytes, size_t limit_bytes) {
  const uint64_t limit = std::max<uint64_t>(RoundDown(limit_bytes, nvme.block_bytes), nvme.block_bytes);
  const uint64_t most = std::min<uint64_t>(MaxCommandBytes(nvme), limit);
  const uint64_t commands = std::max<uint64_t>(1, (length_bytes + most - 1) / most);
  const uint64_t step = std::max(kPageBytes, nvme.block_bytes);
  return static_cast<uint32_t>(std::min(most, RoundUp((length_bytes + commands - 1) / commands, step)));
}

NvmeCut CutCommand(const NvmeNamespace& nvme, uint32_t most_bytes, size_t region_bytes) {
  if (most_bytes <= region_bytes) return {.length_bytes = most_bytes};
  const auto whole_blocks = static_cast<uint32_t>(RoundDown(region_bytes, nvme.block_bytes));
  if (whole_blocks > 0) return {.length_bytes = whole_blocks};
  return {.length_bytes = nvme.block_bytes, .crosses_regions = true};
}

nvme_uring_cmd MakeCommand(Direction direction, const NvmeNamespace& nvme, const NvmeExtent& extent, std::byte* memory) {
  // What is left of a division would be read from, or written to, blocks that nobody has named.
  PENSTOCK_CHECK(extent.offset_bytes % nvme.block_bytes == 0 && extent.length_bytes % nvme.block_bytes == 0);
  PENSTOCK_CHECK(extent.length_bytes > 0 && extent.length_bytes / nvme.block_bytes <= kMaxCommandBlocks);
  const uint64_t first_block = extent.offset_bytes / nvme.block_bytes;
  nvme_uring_cmd command = {};
  command.opcode = direction == Direction::kRead ? kReadOpcode : kWriteOpcode;
  command.nsid = nvme.id;
  command.addr = reinterpret_cast<uintptr_t>(memory);
  command.data_len = extent.length_bytes;
  command.cdw10 = static_cast<uint32_t>(first_block);
  command.cdw11 = static_cast<uint32_t>(first_block >> 32);
  command.cdw12 = extent.length_bytes / nvme.block_bytes - 1;
  return command;
}

void PrepareCommand(io_uring_sqe& entry, int fd, const nvme_uring_cmd& command, std::optional<uint16_t> buffer_index) {
  io_uring_prep_rw(IORING_OP_URING_CMD, &entry, fd, nullptr, 0, 0);
  entry.cmd_op = NVME_URING_CMD_IO;
  entry.uring_cmd_flags = buffer_index.has_value() ? IORING_URING_CMD_FIXED : 0;
  entry.buf_index = buffer_index.value_or(0);
  std::memcpy(entry.cmd, &command, sizeof(command));
}

}  // namespace penstock::driver
