// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What may be opened for writing, and what must not be. NVMe namespaces and mounted devices: tests/guest/writing_test.cc.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/volume.h"
#include "tests/driver/child_process.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

int AccessOf(const Volume& volume, ReadPath path) { return fcntl(volume.support(path).fd, F_GETFL) & O_ACCMODE; }

TEST(VolumeForWriting, IsAskedForInSoManyWords) {
  const TempFile file(8192);
  const Volume reading = file.Open();
  EXPECT_FALSE(reading.writable());
  EXPECT_EQ(AccessOf(reading, ReadPath::kPread), O_RDONLY);
  const Volume writing = Volume::OpenForWriting(file.path()).value();
  EXPECT_TRUE(writing.writable());
  EXPECT_EQ(AccessOf(writing, ReadPath::kPread), O_RDWR);
  for (const Volume* volume : {&reading, &writing}) {
    if (!volume->Supports(ReadPath::kRead)) continue;
    EXPECT_EQ(AccessOf(*volume, ReadPath::kRead), volume->writable() ? O_RDWR : O_RDONLY);
    EXPECT_NE(fcntl(volume->support(ReadPath::kRead).fd, F_GETFL) & O_DIRECT, 0);
  }
}

TEST(VolumeForWriting, ChangesNothingByBeingOpened) {
  const TempFile file(5000);
  static_cast<void>(Volume::OpenForWriting(file.path()).value());
  EXPECT_EQ(file.Bytes().size(), 5000u);
  EXPECT_TRUE(IsPattern(file.Bytes(), 0));
}

TEST(VolumeForWriting, MakesNoFile) {
  EXPECT_EQ(Volume::OpenForWriting("no_such_file").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists("no_such_file"));
}

TEST(VolumeForWriting, RefusesWhatIsNoFileOrDevice) {
  for (const char* path : {".", "/dev/zero"}) {
    EXPECT_EQ(Volume::OpenForWriting(path).status().code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST(VolumeForWriting, RefusesAFileThatThisUserMayOnlyRead) {
  const TempFile file(1);
  ASSERT_EQ(chmod(file.path().c_str(), 0444), 0);
  const std::string answer = RunInChild([&] {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return std::string("cannot become nobody");
    if (!Volume::Open(file.path()).ok()) return std::string("not even to read");
    const absl::Status status = Volume::OpenForWriting(file.path()).status();
    return status.code() == absl::StatusCode::kPermissionDenied ? "refused: " + RemedyOf(status) : status.ToString();
  });
  if (answer == "cannot become nobody") GTEST_SKIP() << "this user writes everything. Fix: run with CAP_SETUID.";
  EXPECT_THAT(answer, HasSubstr("refused: give this user read and write access"));
}

TEST(VolumeForWriting, RefusesAProgramThatRuns) {
  const absl::Status status = Volume::OpenForWriting(std::filesystem::read_symlink("/proc/self/exe")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(ErrnoOf(status), ETXTBSY);
}

TEST(VolumeForWriting, RefusesADoorIntoTheKernel) {
  const absl::Status status = Volume::OpenForWriting("/proc/self/oom_score_adj").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), HasSubstr("procfs"));
}

/// A block device: a loop device over a file, which this user can set up or the test is skipped.
class LoopDevice : public testing::Test {
 protected:
  void SetUp() override {
    const FileDescriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    const int number = control.get() < 0 ? -1 : ioctl(control.get(), LOOP_CTL_GET_FREE);
    node_ = absl::StrCat("/dev/loop", number);
    device_ = FileDescriptor(open(node_.c_str(), O_RDWR | O_CLOEXEC));
    backing_ = FileDescriptor(open(file_.path().c_str(), O_RDWR | O_CLOEXEC));
    set_up_ = number >= 0 && ioctl(device_.get(), LOOP_SET_FD, backing_.get()) == 0;
    if (!set_up_) GTEST_SKIP() << "no loop device can be set up. Fix: load the module loop, and run as root.";
  }
  void TearDown() override {
    if (!set_up_) return;
    EXPECT_EQ(ioctl(device_.get(), LOOP_CLR_FD), 0);
  }

  const TempFile file_{1 << 20};
  std::string node_;
  FileDescriptor device_;
  FileDescriptor backing_;
  bool set_up_ = false;
};

TEST_F(LoopDevice, IsOpenedForWritingWhenNobodyUsesIt) {
  const auto volume = Volume::OpenForWriting(node_);
  ASSERT_TRUE(volume.ok()) << volume.status();
  EXPECT_TRUE(volume->writable());
  EXPECT_EQ(AccessOf(*volume, ReadPath::kPread), O_RDWR);
}

TEST_F(LoopDevice, IsClaimedAsLongAsItMayBeWritten) {
  {
    const auto volume = Volume::OpenForWriting(node_);
    ASSERT_TRUE(volume.ok()) << volume.status();
    EXPECT_EQ(open(node_.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC), -1) << "what mounting does";
    EXPECT_EQ(errno, EBUSY);
    EXPECT_TRUE(Volume::Open(node_).ok()) << "reading harms nobody";
    EXPECT_EQ(Volume::OpenForWriting(node_).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_TRUE(Volume::OpenForWriting(node_).ok());
}

TEST_F(LoopDevice, IsRefusedWhenItIsClaimed) {
  const FileDescriptor holder(open(node_.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  ASSERT_GE(holder.get(), 0);
  const absl::Status status = Volume::OpenForWriting(node_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrnoOf(status), EBUSY);
  EXPECT_THAT(CauseOf(status), HasSubstr("is in use and must not be written"));
  EXPECT_THAT(RemedyOf(status), HasSubstr("findmnt"));
  EXPECT_TRUE(Volume::Open(node_).ok());
}

TEST_F(LoopDevice, MakesTheFileBelowItRefused) {
  const absl::Status status = Volume::OpenForWriting(file_.path()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("lies on"), HasSubstr(node_.substr(5))));
}

}  // namespace
}  // namespace penstock
