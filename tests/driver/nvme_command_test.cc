// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_command.h"

#include <gtest/gtest.h>

#include <algorithm>
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

/// A place in registered memory, and a read that lands there.
struct Place {
  uint32_t block_bytes;
  size_t region_bytes;
  size_t memory_offset;
  uint32_t length_bytes;
};

/// The commands of a read, made as a queue makes them: each is whole blocks and lies in one region or is known not to, and all of
/// them together are the read.
void ExpectWholeBlocks(const Place& place) {
  const NvmeNamespace nvme = Namespace(place.block_bytes);
  const uint32_t most_bytes = CommandBytes(nvme, place.length_bytes, place.region_bytes);
  ASSERT_EQ(most_bytes % place.block_bytes, 0u);
  for (uint32_t begin = 0; begin < place.length_bytes;) {
    const size_t at = place.memory_offset + begin;
    const size_t left_bytes = place.region_bytes - at % place.region_bytes;
    const NvmeCut cut = CutCommand(nvme, std::min(most_bytes, place.length_bytes - begin), left_bytes);
    const nvme_uring_cmd command = MakeCommand(Direction::kRead, nvme, {begin, cut.length_bytes}, nullptr);
    ASSERT_EQ((command.cdw12 + 1) * place.block_bytes, command.data_len);
    ASSERT_EQ(command.cdw10 * place.block_bytes, begin);
    ASSERT_EQ(cut.crosses_regions, cut.length_bytes > left_bytes);
    begin += cut.length_bytes;
    ASSERT_LE(begin, place.length_bytes);
  }
}

TEST(NvmeCommand, EndsWithABlockWhereverItsMemoryLies) {
  for (const uint32_t block : {512u, 4096u, 8192u, 16384u, 65536u, 1u << 20}) {
    for (const size_t region : {size_t{4096}, size_t{139264}, size_t{196608}, size_t{262144}}) {
      for (const size_t offset : {size_t{0}, size_t{4}, size_t{64}, size_t{512}, size_t{4096}, region - 4, 3 * region - 4096}) {
        for (const uint32_t length : {block, 3 * block, 1u << 20, 3u << 20})
          ASSERT_NO_FATAL_FAILURE(ExpectWholeBlocks({block, region, offset, length})) << block << " " << region << " " << offset;
      }
    }
  }
}

/// The cases that once read wrong bytes: a destination that is no multiple of the block, and blocks that regions are not whole
/// numbers of.
TEST(NvmeCommand, LeavesTheBlockThatCrossesARegionsEndToACommandOfItsOwn) {
  const NvmeCut before = CutCommand(Namespace(512), 256 * kKiB, 256 * kKiB - 64);
  EXPECT_EQ(before.length_bytes, 511u * 512);
  EXPECT_FALSE(before.crosses_regions);
  const NvmeCut across = CutCommand(Namespace(512), 256 * kKiB, 448);
  EXPECT_EQ(across.length_bytes, 512u);
  EXPECT_TRUE(across.crosses_regions);
  EXPECT_EQ(CommandBytes(Namespace(16384), 256 * kKiB, 136 * kKiB), 128 * kKiB);
  EXPECT_EQ(CutCommand(Namespace(16384), 128 * kKiB, 8 * kKiB).length_bytes, 16384u);
  EXPECT_TRUE(CutCommand(Namespace(16384), 128 * kKiB, 8 * kKiB).crosses_regions);
}

TEST(NvmeCommandDeathTest, IsNeverMadeOfPartsOfBlocks) {
  EXPECT_DEATH(MakeCommand(Direction::kWrite, Namespace(512), {0, 262080}, nullptr), "check failed");
  EXPECT_DEATH(MakeCommand(Direction::kWrite, Namespace(512), {262080, 512}, nullptr), "check failed");
  EXPECT_DEATH(MakeCommand(Direction::kWrite, Namespace(16384), {0, 8192}, nullptr), "check failed");
  EXPECT_DEATH(MakeCommand(Direction::kWrite, Namespace(512), {0, 0}, nullptr), "check failed");
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
