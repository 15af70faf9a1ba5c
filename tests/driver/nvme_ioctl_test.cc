// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/nvme_ioctl.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "penstock/error.h"

namespace penstock::driver {
namespace {

using ::testing::HasSubstr;

constexpr NvmeNode kNowhere{.fd = -1, .name = "/dev/ng0n1"};

TEST(NvmeAnswer, NamesWhatTheKernelRefusedAndWhatToDo) {
  const struct {
    int error_number;
    absl::StatusCode code;
    const char* remedy;
  } kCases[] = {
      {EACCES, absl::StatusCode::kPermissionDenied, "kernel 6.2"},
      {EPERM, absl::StatusCode::kPermissionDenied, "run as root"},
      {ENOTTY, absl::StatusCode::kInvalidArgument, "/dev/ngXnY"},
      {ENODEV, absl::StatusCode::kUnavailable, "controller is gone"},
      {ENXIO, absl::StatusCode::kUnavailable, "controller is gone"},
      {EINVAL, absl::StatusCode::kInvalidArgument, "fewer bytes"},
      {EINTR, absl::StatusCode::kUnavailable, "was reset"},
      {EIO, absl::StatusCode::kUnavailable, "dmesg"},
  };
  for (const auto& expected : kCases) {
    const absl::Status status = NvmeAnswer(-1, expected.error_number, kNowhere, "identifying the controller");
    EXPECT_EQ(status.code(), expected.code) << status;
    EXPECT_EQ(ErrnoOf(status), expected.error_number);
    EXPECT_THAT(RemedyOf(status), HasSubstr(expected.remedy));
    EXPECT_THAT(CauseOf(status), HasSubstr("identifying the controller of /dev/ng0n1 failed: E"));
  }
}

TEST(NvmeAnswer, CarriesTheNvmeStatus) {
  const absl::Status status = NvmeAnswer(0x4002, 0, kNowhere, "identifying the namespace");
  EXPECT_EQ(NvmeStatusOf(status), 0x4002);
  EXPECT_EQ(CauseOf(status),
            "identifying the namespace of /dev/ng0n1 failed: Invalid Field in Command (NVMe status 0x4002, do not retry)");
  EXPECT_TRUE(NvmeAnswer(0, EIO, kNowhere, "identifying the namespace").ok());
}

NvmeNamespace Space(uint32_t block_bytes, uint64_t block_count) {
  NvmeNamespace space;
  space.id = 1;
  space.block_bytes = block_bytes;
  space.block_count = block_count;
  return space;
}

TEST(NvmeIoctl, SaysThatAFileIsNoNamespace) {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const NvmeNode node{.fd = fd, .name = "/dev/null"};
  NvmeNamespace space;
  NvmeController controller;
  std::vector<std::byte> into(512);
  for (const absl::Status& status : {IdentifyNamespace(node, space), IdentifyController(node, controller),
                                     ReadCounters(node).status(), ReadBlocks(node, Space(512, 8), 0, absl::MakeSpan(into))}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(ErrnoOf(status), ENOTTY);
  }
  close(fd);
}

absl::Status ReadOf(const NvmeNamespace& space, uint64_t first_block, size_t bytes) {
  std::vector<std::byte> into(bytes);
  return ReadBlocks(kNowhere, space, first_block, absl::MakeSpan(into));
}

TEST(ReadBlocks, RefusesWhatOneCommandCannotCarryBeforeItIsSent) {
  NvmeNamespace space = Space(512, 1 << 20);
  space.max_command_bytes = 64 << 20;
  for (const size_t bytes : {size_t{0}, size_t{511}, size_t{513}, size_t{65537} * 512}) {
    EXPECT_EQ(ReadOf(space, 0, bytes).code(), absl::StatusCode::kInvalidArgument) << bytes;
  }
  NvmeNamespace small = space;
  small.max_command_bytes = 4096;
  EXPECT_THAT(RemedyOf(ReadOf(small, 0, 4608)), HasSubstr("at most 4096 bytes"));
  EXPECT_EQ(ErrnoOf(ReadOf(small, 0, 4096)), EBADF);  // this one was sent
  EXPECT_EQ(ErrnoOf(ReadOf(space, 0, size_t{65536} * 512)), EBADF);
  EXPECT_EQ(ReadOf(NvmeNamespace{}, 0, 512).code(), absl::StatusCode::kInvalidArgument);  // not identified
}

TEST(ReadBlocks, RefusesBlocksPastTheEnd) {
  const NvmeNamespace space = Space(512, 8);
  EXPECT_EQ(ErrnoOf(ReadOf(space, 6, 1024)), EBADF);
  for (const uint64_t first : {uint64_t{7}, uint64_t{8}, uint64_t{9}, UINT64_MAX}) {
    EXPECT_EQ(ReadOf(space, first, 1024).code(), absl::StatusCode::kOutOfRange) << first;
  }
}

TEST(ReadBlocks, RefusesBlocksWithMetadata) {
  NvmeNamespace space = Space(512, 8);
  space.metadata_bytes = 8;
  EXPECT_EQ(ReadOf(space, 0, 512).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(ReadOf(space, 0, 512)), HasSubstr("8 bytes of metadata"));
}

}  // namespace
}  // namespace penstock::driver
