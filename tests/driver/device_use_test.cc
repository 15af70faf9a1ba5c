// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The trees are copies, cut down, of what Linux shows of a disk with two partitions, of loop devices and of NVMe namespaces.
#include "driver/device_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "tests/driver/fake_tree.h"
#include "tests/driver/temp_file.h"

namespace penstock::driver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DeviceUse : public ::testing::Test {
 protected:
  DeviceUse() { tree_.Folder("block"); }

  /// A whole device, and its number's link.
  void Device(const std::string& name, const std::string& number) {
    tree_.File("devices/" + name + "/dev", number);
    tree_.File("devices/" + name + "/ro", "0");
    tree_.Link("block/" + name, "devices/" + name);
    tree_.Link("dev/block/" + number, "devices/" + name);
  }
  void PartitionOf(const std::string& whole, const std::string& name, const std::string& number) {
    tree_.File("devices/" + whole + "/" + name + "/dev", number);
    tree_.File("devices/" + whole + "/" + name + "/partition", "1");
    tree_.File("devices/" + whole + "/" + name + "/ro", "0");
    tree_.Link("dev/block/" + number, "devices/" + whole + "/" + name);
  }
  void LoopOn(const std::string& file) {
    Device("loop3", "7:3");
    tree_.File("devices/loop3/loop/backing_file", file);
  }
  void Namespace(const std::string& name, const std::string& number, const std::string& wwid) {
    Device(name, number);
    tree_.File("devices/" + name + "/wwid", wwid);
  }
  absl::Status Check(unsigned major_number, unsigned minor_number) {
    return CheckDeviceUnused(makedev(major_number, minor_number), "/dev/it", tree_.root());
  }
  absl::Status CheckFile(const std::string& path) { return CheckFileUnused(path, tree_.root()); }

  FakeTree tree_;
};

TEST_F(DeviceUse, IsNoneWhereNothingLiesOnIt) {
  Device("sda", "8:0");
  PartitionOf("sda", "sda1", "8:1");
  Device("loop3", "7:3");  // Not set up.
  EXPECT_EQ(Check(8, 0), absl::OkStatus());
  EXPECT_EQ(Check(8, 1), absl::OkStatus());
}

TEST_F(DeviceUse, CannotBeToldOfADeviceThatSysfsDoesNotHave) {
  const absl::Status status = Check(8, 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("whether /dev/it is in use cannot be told"), HasSubstr("8:0")));
}

TEST_F(DeviceUse, IsWithoutWritingWhereTheDeviceOrAPartOfItIsWriteProtected) {
  Device("sda", "8:0");
  PartitionOf("sda", "sda1", "8:1");
  PartitionOf("sda", "sda2", "8:2");
  tree_.File("devices/sda/sda1/ro", "1");
  for (const unsigned minor_number : {0u, 1u}) {
    const absl::Status status = Check(8, minor_number);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(CauseOf(status), HasSubstr("/dev/sda1 is write-protected"));
  }
  EXPECT_EQ(Check(8, 2), absl::OkStatus());
  tree_.File("devices/sda/ro", "1");
  EXPECT_THAT(CauseOf(Check(8, 2)), HasSubstr("/dev/sda is write-protected"));
  tree_.Remove("devices/sda/ro");
  EXPECT_THAT(CauseOf(Check(8, 2)), HasSubstr("cannot be told"));
}

/// The node of a loop device that this machine has stands for any block device.
TEST_F(DeviceUse, ByALoopDeviceIsSeenOnTheWholeAndOnItsParts) {
  struct stat node {};
  if (stat("/dev/loop0", &node) != 0) GTEST_SKIP() << "no block device /dev/loop0. Fix: load the module loop.";
  const std::string number = absl::StrCat(major(node.st_rdev), ":", minor(node.st_rdev));
  LoopOn("/dev/loop0");
  Device("sda", number);
  PartitionOf("sda", "sda1", "8:1");
  for (const absl::Status& status : {Check(major(node.st_rdev), minor(node.st_rdev)), Check(8, 1)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(CauseOf(status), HasSubstr("loop3 lies on /dev/it"));
    EXPECT_THAT(RemedyOf(status), HasSubstr("losetup -d /dev/loop3"));
  }
  Device("sdb", "8:16");
  PartitionOf("sdb", "sdb1", "8:17");
  EXPECT_EQ(Check(8, 16), absl::OkStatus()) << "another device";
}

TEST_F(DeviceUse, OfAPartitionIsSeenOnTheWhole) {
  struct stat node {};
  if (stat("/dev/loop0", &node) != 0) GTEST_SKIP() << "no block device /dev/loop0. Fix: load the module loop.";
  LoopOn("/dev/loop0");
  Device("sda", "8:0");
  PartitionOf("sda", "sda2", absl::StrCat(major(node.st_rdev), ":", minor(node.st_rdev)));
  EXPECT_THAT(CauseOf(Check(8, 0)), HasSubstr("loop3 lies on /dev/it"));
}

TEST_F(DeviceUse, CannotBeToldWhereALoopLiesOnADeviceThatIsNotThere) {
  Device("sda", "8:0");
  LoopOn("/dev/no_such_device");
  const absl::Status status = Check(8, 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("cannot be told"), HasSubstr("loop3 lies on /dev/no_such_device")));
}

TEST_F(DeviceUse, IsNotThatOfALoopOnSomeFile) {
  Device("sda", "8:0");
  LoopOn("/somewhere/else/image (deleted)");
  EXPECT_EQ(Check(8, 0), absl::OkStatus());
}

TEST_F(DeviceUse, CannotBeToldOfANamespaceWithTwoBlockDevices) {
  Namespace("nvme0n1", "259:0", "eui.0011");
  Namespace("nvme1n1", "259:1", "eui.0011");
  Namespace("nvme2n1", "259:2", "eui.0022");
  const absl::Status status = Check(259, 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("nvme1n1 are the same namespace"), HasSubstr("eui.0011")));
  EXPECT_THAT(RemedyOf(status), HasSubstr("multipath"));
  EXPECT_EQ(Check(259, 2), absl::OkStatus());
}

TEST_F(DeviceUse, IsToldOfANamespaceWhoseOtherPathsAreHiddenBehindIt) {
  Namespace("nvme0n1", "259:0", "eui.0011");
  tree_.File("devices/nvme0c1n1/wwid", "eui.0011");
  tree_.Link("block/nvme0c1n1", "devices/nvme0c1n1");
  EXPECT_EQ(Check(259, 0), absl::OkStatus());
}

TEST_F(DeviceUse, CannotBeToldOfANamespaceWithoutAWwid) {
  Device("nvme0n1", "259:0");
  PartitionOf("nvme0n1", "nvme0n1p1", "259:1");
  EXPECT_THAT(CauseOf(Check(259, 0)), HasSubstr("cannot be told"));
  EXPECT_THAT(CauseOf(Check(259, 1)), HasSubstr("cannot be told"));
}

TEST_F(DeviceUse, ByALoopDeviceIsSeenOnAFile) {
  const TempFile file(4096);
  const TempFile other(4096);
  EXPECT_EQ(CheckFile(file.path()), absl::OkStatus());
  LoopOn(std::filesystem::absolute(file.path()));
  EXPECT_THAT(CauseOf(CheckFile(file.path())), HasSubstr("loop3 lies on " + file.path()));
  EXPECT_EQ(CheckFile(other.path()), absl::OkStatus());
}

TEST_F(DeviceUse, CannotBeToldOfAFileWithoutSysfs) {
  const TempFile file(4096);
  tree_.Remove("block");
  EXPECT_EQ(CheckFile(file.path()).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DeviceUse, IsThatOfTheKernelWhereAFileIsADoorIntoIt) {
  for (const char* path : {"/proc/sys/vm/swappiness", "/sys/kernel/profiling"}) {
    if (!std::filesystem::exists(path)) continue;
    const absl::Status status = CheckFile(path);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << path;
    EXPECT_THAT(CauseOf(status), HasSubstr("writing them does something"));
  }
}

}  // namespace
}  // namespace penstock::driver
