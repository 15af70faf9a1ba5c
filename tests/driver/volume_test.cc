// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/volume.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "penstock/error.h"
#include "tests/driver/child_process.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST(Volume, KnowsItsNameAndSize) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4095}, size_t{4096}, size_t{4097}}) {
    const TempFile file(bytes);
    const Volume volume = file.Open();
    EXPECT_EQ(volume.name(), file.path());
    EXPECT_EQ(volume.size_bytes(), bytes);
  }
}

TEST(Volume, SeesTheSizeChange) {
  TempFile file(100);
  const Volume volume = file.Open();
  file.Resize(50);
  EXPECT_EQ(volume.CurrentSizeBytes().value(), 50);
  EXPECT_EQ(volume.size_bytes(), 100);
}

TEST(Volume, HasOneFileSystemForFilesOfOneDirectory) {
  const TempFile a(1);
  const TempFile b(1);
  EXPECT_EQ(a.Open().file_system(), b.Open().file_system());
}

TEST(Volume, ReadsThroughTheDescriptorAndBlocksThere) {
  const TempFile file(10);
  const Volume volume = file.Open();
  std::byte bytes[10];
  ASSERT_EQ(pread(volume.support(ReadPath::kPread).fd, bytes, sizeof(bytes), 0), 10);
  EXPECT_TRUE(IsPattern(bytes, 0));
  // io_uring would answer EAGAIN for a descriptor with O_NONBLOCK.
  EXPECT_EQ(fcntl(volume.support(ReadPath::kPread).fd, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(volume.support(ReadPath::kPread).fd, F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Volume, HasADirectDescriptorOrSaysWhyNot) {
  const TempFile file(8192);
  const Volume volume = file.Open();
  if (volume.support(ReadPath::kRead).fd < 0) {
    EXPECT_THAT(volume.support(ReadPath::kRead).refusal.remedy, HasSubstr("path pread"));
    EXPECT_NE(volume.support(ReadPath::kRead).refusal.cause, "");
    return;
  }
  EXPECT_EQ(fcntl(volume.support(ReadPath::kRead).fd, F_GETFL) & (O_NONBLOCK | O_DIRECT), O_DIRECT);
  EXPECT_GE(volume.support(ReadPath::kRead).offset_alignment_bytes, 1);
  alignas(4096) std::byte block[4096];
  EXPECT_EQ(pread(volume.support(ReadPath::kRead).fd, block, sizeof(block), 4096), 4096);
}

TEST(Volume, RefusesDirectReadsWhereFilesAreInMemory) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "no /dev/shm. Fix: mount a tmpfs there.";
  const TempFile file(8192, "/dev/shm");
  const Volume volume = file.Open();
  EXPECT_EQ(volume.support(ReadPath::kRead).fd, -1);
  EXPECT_EQ(volume.support(ReadPath::kRead).refusal.path, ReadPath::kRead);
  EXPECT_THAT(volume.support(ReadPath::kRead).refusal.cause, HasSubstr("tmpfs keeps its files in memory"));
  EXPECT_THAT(volume.support(ReadPath::kRead).refusal.remedy, HasSubstr("path pread"));
  EXPECT_EQ(volume.support(ReadPath::kRead).offset_alignment_bytes, 1);
}

TEST(Volume, OpensABlockDeviceWithItsSize) {
  for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
    if (!entry.is_block_file()) continue;
    const auto volume = Volume::Open(entry.path());
    if (!volume.ok() || volume->size_bytes() == 0) continue;
    EXPECT_EQ(volume->size_bytes() % 512, 0);
    EXPECT_GE(volume->support(ReadPath::kRead).fd, 0) << volume->support(ReadPath::kRead).refusal.cause;
    EXPECT_GE(volume->support(ReadPath::kRead).offset_alignment_bytes, 512);
    return;
  }
  GTEST_SKIP() << "no block device that can be read. Fix: run as root, or as a member of the disk group.";
}

TEST(Volume, SaysWhenThereIsNoSuchFile) {
  for (const char* path : {"no_such_file", "", "/dev/null/no_such_file"}) {
    const absl::Status status = Volume::Open(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << path;
    EXPECT_TRUE(ErrnoOf(status) == ENOENT || ErrnoOf(status) == ENOTDIR);
    EXPECT_THAT(RemedyOf(status), HasSubstr("check the path"));
  }
}

TEST(Volume, RefusesADirectory) {
  const absl::Status status = Volume::Open(".").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr("a directory"));
}

TEST(Volume, RefusesAFifoWithoutBlocking) {
  const std::string path = "penstock_test_fifo." + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const absl::Status status = Volume::Open(path).status();
  unlink(path.c_str());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr("a FIFO"));
}

TEST(Volume, RefusesASocket) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = "penstock_test_socket." + std::to_string(getpid());
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const absl::Status status = Volume::Open(path).status();
  close(fd);
  unlink(path.c_str());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr("a socket"));
}

TEST(Volume, RefusesACharacterDevice) {
  const absl::Status status = Volume::Open("/dev/zero").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(status), HasSubstr("a character device"));
}

/// Their sizes are said to be 0 and 4096 bytes, which they are not.
TEST(Volume, RefusesFilesThatTellNoSize) {
  for (const char* path : {"/proc/cpuinfo", "/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled"}) {
    if (access(path, R_OK) != 0) continue;
    const absl::Status status = Volume::Open(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_THAT(MessageOf(status), HasSubstr("tells no size")) << path;
    EXPECT_THAT(RemedyOf(status), HasSubstr("copy it to a file first")) << path;
  }
}

TEST(Volume, SaysWhenItMayNotBeRead) {
  const TempFile file(1);
  ASSERT_EQ(chmod(file.path().c_str(), 0), 0);
  const std::string answer = RunInChild([&] {
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return std::string("cannot become nobody");
    const absl::Status status = Volume::Open(file.path()).status();
    return status.code() == absl::StatusCode::kPermissionDenied ? "refused: " + RemedyOf(status) : status.ToString();
  });
  if (answer == "cannot become nobody") GTEST_SKIP() << "this user reads everything. Fix: run with CAP_SETUID.";
  EXPECT_THAT(answer, HasSubstr("refused: give this user read access"));
}

TEST(Volume, SaysWhenTooManyFilesAreOpen) {
  const TempFile file(1);
  const std::string answer = RunInChild([&] {
    while (dup(0) >= 0) continue;
    const absl::Status status = Volume::Open(file.path()).status();
    return status.code() == absl::StatusCode::kUnavailable ? RemedyOf(status) : status.ToString();
  });
  EXPECT_THAT(answer, HasSubstr("ulimit -n"));
}

TEST(Volume, HandsItsDescriptorsOnWhenMoved) {
  const TempFile file(1);
  Volume volume = file.Open();
  const int fd = volume.support(ReadPath::kPread).fd;
  Volume moved = std::move(volume);
  EXPECT_EQ(moved.support(ReadPath::kPread).fd, fd);
  EXPECT_GE(fcntl(fd, F_GETFD), 0);
}

}  // namespace
}  // namespace penstock
