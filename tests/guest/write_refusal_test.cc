// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What must not be written: a disk that is in use, by whichever node it is named. The character node would let all of it pass.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "penstock/volume.h"
#include "tests/guest/guest_machine.h"
#include "tests/guest/scoped_partition.h"

namespace penstock::guest {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMebibyte = 1 << 20;

void Shell(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0) << command; }

/// Both nodes are refused as in use; reading is not.
void ExpectRefused(const Disk& disk) {
  for (const std::string& node : {disk.char_node, disk.block_node}) {
    const absl::Status status = Volume::OpenForWriting(node).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << node << ": " << status;
    EXPECT_EQ(ErrnoOf(status), EBUSY);
    EXPECT_THAT(CauseOf(status), HasSubstr("in use and must not be written"));
    EXPECT_TRUE(Volume::Open(node).ok()) << node;
  }
}

void ExpectFree(const Disk& disk) {
  for (const std::string& node : {disk.char_node, disk.block_node}) {
    // Whoever had it lets go of it a little later.
    EXPECT_TRUE(Eventually([&] { return Volume::OpenForWriting(node).ok(); })) << Volume::OpenForWriting(node).status();
  }
}

TEST(WriteRefusal, OfAMountedDisk) {
  const Disk disk = DiskOf("SCRATCH");
  Shell(absl::StrCat("mke2fs ", disk.block_node, " >/dev/null"));
  ASSERT_EQ(mkdir("/tmp/mounted", 0700), 0);
  for (const unsigned long flags : {0ul, static_cast<unsigned long>(MS_RDONLY)}) {
    ASSERT_EQ(mount(disk.block_node.c_str(), "/tmp/mounted", "ext2", flags, nullptr), 0) << strerrorname_np(errno);
    ExpectRefused(disk);
    ASSERT_EQ(umount("/tmp/mounted"), 0);
  }
  ExpectFree(disk);
  const Volume volume = Volume::OpenForWriting(disk.char_node).value();
  EXPECT_EQ(mount(disk.block_node.c_str(), "/tmp/mounted", "ext2", 0, nullptr), -1) << "while it may be written";
  EXPECT_EQ(errno, EBUSY);
  EXPECT_EQ(rmdir("/tmp/mounted"), 0);
}

TEST(WriteRefusal, OfADiskWithAPartitionThatIsSwap) {
  const Disk disk = DiskOf("SCRATCH");
  const ScopedPartition partition(disk.block_node, kMebibyte, 2 * kMebibyte);
  Shell(absl::StrCat("mkswap ", partition.node(), " >/dev/null"));
  ASSERT_EQ(swapon(partition.node().c_str(), 0), 0) << strerrorname_np(errno);
  ExpectRefused(disk);
  EXPECT_EQ(ErrnoOf(Volume::OpenForWriting(partition.node()).status()), EBUSY);
  ASSERT_EQ(swapoff(partition.node().c_str()), 0);
  ExpectFree(disk);
  EXPECT_TRUE(Volume::OpenForWriting(partition.node()).ok());
}

TEST(WriteRefusal, OfADiskWhosePartitionIsBeingWritten) {
  const Disk disk = DiskOf("SCRATCH");
  const ScopedPartition partition(disk.block_node, kMebibyte, 2 * kMebibyte);
  {
    const Volume volume = Volume::OpenForWriting(partition.node()).value();
    EXPECT_TRUE(volume.writable());
    EXPECT_FALSE(volume.Supports(ReadPath::kNvme));
    ExpectRefused(disk);
  }
  ExpectFree(disk);
  const Volume whole = Volume::OpenForWriting(disk.char_node).value();
  EXPECT_EQ(ErrnoOf(Volume::OpenForWriting(partition.node()).status()), EBUSY);
}

TEST(WriteRefusal, OfADiskThatAProgramHasClaimed) {
  const Disk disk = DiskOf("SCRATCH");
  {
    const FileDescriptor claim(open(disk.block_node.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
    ASSERT_GE(claim.get(), 0);
    ExpectRefused(disk);
  }
  ExpectFree(disk);
}

TEST(WriteRefusal, OfADiskThatIsBeingWrittenByItsOtherNode) {
  const Disk disk = DiskOf("SCRATCH");
  {
    const Volume volume = Volume::OpenForWriting(disk.char_node).value();
    ExpectRefused(disk);
  }
  ExpectFree(disk);
}

/// The kernel opens such a device to write all the same, and passthrough would write to it.
TEST(WriteRefusal, OfAWriteProtectedDisk) {
  const Disk disk = DiskOf("SCRATCH");
  const FileDescriptor fd(open(disk.block_node.c_str(), O_RDONLY | O_CLOEXEC));
  const auto protect = [&](int on) { ASSERT_EQ(ioctl(fd.get(), BLKROSET, &on), 0); };
  protect(1);
  for (const std::string& node : {disk.char_node, disk.block_node}) {
    const absl::Status status = Volume::OpenForWriting(node).status();
    EXPECT_TRUE(status.code() == absl::StatusCode::kFailedPrecondition || status.code() == absl::StatusCode::kPermissionDenied)
        << status;
    EXPECT_NE(RemedyOf(status), "");
  }
  protect(0);
  ExpectFree(disk);
}

TEST(WriteRefusal, OfADiskWhoseBlockNodeIsNotThere) {
  const Disk disk = DiskOf("SCRATCH");
  const std::string away = disk.block_node + ".away";
  ASSERT_EQ(rename(disk.block_node.c_str(), away.c_str()), 0);
  EXPECT_FALSE(Volume::OpenForWriting(disk.char_node).ok()) << "whether it is mounted cannot be told";
  EXPECT_TRUE(Volume::Open(disk.char_node).ok());
  ASSERT_EQ(rename(away.c_str(), disk.block_node.c_str()), 0);
}

}  // namespace
}  // namespace penstock::guest
