// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the other cases rest on: the machine is the one that the scenario describes, and its disks hold what the host wrote.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tests/guest/guest_machine.h"

namespace penstock::guest {
namespace {

TEST(Machine, ShowsEveryDiskOfTheScenario) {
  const std::vector<Disk> disks = Disks();
  ASSERT_FALSE(disks.empty());
  for (const Disk& disk : disks) {
    EXPECT_THAT(disk.pci_address, testing::MatchesRegex("0000:[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]\\.[0-7]")) << disk.serial;
    EXPECT_NE(disk.char_node, "") << disk.serial;
    EXPECT_EQ(access(disk.char_node.c_str(), F_OK), 0) << disk.char_node;
  }
}

TEST(Machine, HasOnItsDisksWhatTheHostWrote) {
  constexpr size_t kPieceBytes = 1 << 20;
  std::vector<std::byte> piece(kPieceBytes);
  for (const Disk& disk : Disks()) {
    if (disk.serial == "INTERLEAVED") continue;  // the kernel shows no bytes of it
    const int fd = open(disk.block_node.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0) << disk.block_node;
    uint64_t bytes = 0;
    EXPECT_EQ(ioctl(fd, BLKGETSIZE64, &bytes), 0);
    EXPECT_EQ(bytes, disk.bytes) << disk.serial;
    for (uint64_t offset = 0; offset < disk.bytes; offset += piece.size()) {
      piece.resize(std::min<uint64_t>(kPieceBytes, disk.bytes - offset));
      ASSERT_EQ(pread(fd, piece.data(), piece.size(), static_cast<off_t>(offset)), static_cast<ssize_t>(piece.size()));
      ASSERT_EQ(disk.content.FirstDifference(piece, offset), std::nullopt) << disk.serial;
    }
    close(fd);
  }
}

}  // namespace
}  // namespace penstock::guest
