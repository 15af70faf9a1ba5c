// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_command.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace penstock::driver {
namespace {

constexpr uint32_t kKiB = 1024;
constexpr size_t kNoLimit = ~size_t{0};

NvmeNamespace Namespace(uint32_t block_bytes = 512) {
  NvmeNamespace nvme;
  nvme.id = 3;
  nvme.block_bytes = block_bytes;
  nvme.block_count = 1u << 20;
  return nvme;
}

TEST(NvmeCommand, NamesBlocksNotBytes) {
  std::byte destination{};
  const uint64_t block = 0x1'2345'6789;
  const nvme_uring_cmd command = MakeCommand(Direction::kRead, Namespace(4096), {block * 4096, 8 * 4096}, &destination);
  EXPECT_EQ(command.opcode, 2);
  EXPECT_EQ(command.nsid, 3u);
  EXPECT_EQ(command.cdw10, 0x23456789u);
  EXPECT_EQ(command.cdw11, 1u);
  EXPECT_EQ(command.cdw12, 7u);  // counted from 0
  EXPECT_EQ(command.data_len, 32768u);
  EXPECT_EQ(command.addr, reinterpret_cast<uintptr_t>(&destination));
  EXPECT_EQ(command.metadata, 0u);
  EXPECT_EQ(command.metadata_len, 0u);
  EXPECT_EQ(command.timeout_ms, 0u);
}

TEST(NvmeCommand, OfAWriteDiffersFromAReadInItsOpcodeAlone) {
  std::byte memory{};
  nvme_uring_cmd write = MakeCommand(Direction::kWrite, Namespace(4096), {5 * 4096, 8 * 4096}, &memory);
  EXPECT_EQ(write.opcode, 1);
  EXPECT_EQ(write.cdw12 >> 16, 0u) << "no FUA, no limited retry, no directive, no protection information";
  write.opcode = 2;
  const nvme_uring_cmd read = MakeCommand(Direction::kRead, Namespace(4096), {5 * 4096, 8 * 4096}, &memory);
  EXPECT_EQ(std::memcmp(&write, &read, sizeof(read)), 0);
}

/// The largest command that has room for its block count.
TEST(NvmeCommand, CountsUpTo65536Blocks) {
  const uint32_t bytes = MaxCommandBytes(Namespace());
  EXPECT_EQ(bytes, 65536u * 512);
  EXPECT_EQ(MakeCommand(Direction::kRead, Namespace(), {0, bytes}, nullptr).cdw12, 0xffffu);
}

TEST(NvmeCommand, KeepsToTheSmallestLimit) {
  NvmeNamespace nvme = Namespace();
  nvme.controller.max_transfer_bytes = 512 * kKiB;
  EXPECT_EQ(MaxCommandBytes(nvme), 512 * kKiB);
  nvme.max_command_bytes = 256 * kKiB;
  EXPECT_EQ(MaxCommandBytes(nvme), 256 * kKiB);
  nvme.max_segments = 33;
  EXPECT_EQ(MaxCommandBytes(nvme), 132 * kKiB);
  nvme.max_segments = 127;
  nvme.controller.max_transfer_bytes = 128 * kKiB;
  EXPECT_EQ(MaxCommandBytes(nvme), 128 * kKiB);
}

TEST(NvmeCommand, IsAWholeNumberOfBlocksAndPages) {
  NvmeNamespace nvme = Namespace(8192);
  nvme.max_segments = 33;
  EXPECT_EQ(MaxCommandBytes(nvme), 128 * kKiB);
  nvme.max_segments = 1;  // less than a block: one block all the same, the kernel has the last word
  EXPECT_EQ(MaxCommandBytes(nvme), 8192u);
  NvmeNamespace small = Namespace(512);
  small.max_command_bytes = 3000;
  EXPECT_EQ(MaxCommandBytes(small), 2560u);
}

TEST(NvmeCommand, DoesNotOverflowWithHugeBlocks) { EXPECT_EQ(MaxCommandBytes(Namespace(1 << 20)), 4095u << 20); }

TEST(NvmeCommand, SplitsIntoFewEqualCommands) {
  NvmeNamespace nvme = Namespace();
  nvme.max_command_bytes = 508 * kKiB;
  EXPECT_EQ(CommandBytes(nvme, 1024 * kKiB, kNoLimit), 344 * kKiB);  // 344 + 344 + 336, not 508 + 508 + 8
  EXPECT_EQ(CommandBytes(nvme, 508 * kKiB, kNoLimit), 508 * kKiB);
  EXPECT_EQ(CommandBytes(nvme, 4096, kNoLimit), 4096u);
  EXPECT_EQ(CommandBytes(nvme, 512, kNoLimit), 4096u);  // the whole read is its last command
}

TEST(NvmeCommand, KeepsToTheLimitThatIsAskedFor) {
  EXPECT_EQ(CommandBytes(Namespace(), 1024 * kKiB, 256 * kKiB), 256 * kKiB);
  EXPECT_EQ(CommandBytes(Namespace(), 384 * kKiB, 256 * kKiB), 192 * kKiB);
}

/// Whatever the limits, commands are within them and cover the read.
TEST(NvmeCommand, CoversEveryReadWithinTheLimit) {
  for (const uint32_t block : {512u, 4096u, 8192u}) {
    for (const uint32_t limit : {block, 8192u, 20480u, 131072u, 520192u}) {
      NvmeNamespace nvme = Namespace(block);
      nvme.max_command_bytes = limit;
      const uint32_t most = MaxCommandBytes(nvme);
      for (uint32_t length = block; length < 1u << 20; length += 37 * block) {
        const uint32_t bytes = CommandBytes(nvme, length, kNoLimit);
        ASSERT_LE(bytes, most);
        ASSERT_EQ(bytes % block, 0u);
        ASSERT_EQ((length + bytes - 1) / bytes, (length + most - 1) / most) << "length " << length << " limit " << limit;
      }
    }
  }
}

TEST(NvmeCommand, FillsABigEntry) {
  struct {
    io_uring_sqe entry;
    std::array<std::byte, 64> rest;
  } big;
  std::memset(&big, 0xee, sizeof(big));
  const nvme_uring_cmd command = MakeCommand(Direction::kRead, Namespace(), {4096, 8192}, nullptr);
  PrepareCommand(big.entry, 7, command, 5);
  EXPECT_EQ(big.entry.opcode, IORING_OP_URING_CMD);
  EXPECT_EQ(big.entry.fd, 7);
  EXPECT_EQ(big.entry.cmd_op, NVME_URING_CMD_IO);
  EXPECT_EQ(big.entry.uring_cmd_flags, IORING_URING_CMD_FIXED);
  EXPECT_EQ(big.entry.buf_index, 5);
  EXPECT_EQ(std::memcmp(reinterpret_cast<std::byte*>(&big) + 48, &command, sizeof(command)), 0);
}

TEST(NvmeCommand, AsksForPinningWhereNothingIsRegistered) {
  alignas(64) std::array<std::byte, 128> big;
  auto& entry = *reinterpret_cast<io_uring_sqe*>(big.data());
  std::memset(big.data(), 0xee, big.size());
  PrepareCommand(entry, 7, MakeCommand(Direction::kRead, Namespace(), {0, 512}, nullptr), std::nullopt);
  EXPECT_EQ(entry.uring_cmd_flags, 0u);
  EXPECT_EQ(entry.buf_index, 0);
}

}  // namespace
}  // namespace penstock::driver
