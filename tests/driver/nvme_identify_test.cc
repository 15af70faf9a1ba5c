// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pages are made by hand from the specification's byte offsets, not from libnvme's structures.
#include "driver/nvme_identify.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "penstock/error.h"

namespace penstock::driver {
namespace {

using ::testing::HasSubstr;

constexpr NvmeNode kNowhere{.fd = -1, .name = "/dev/ng0n1"};

template <typename Page>
void Put(Page& page, size_t offset, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) page.at(offset + i) = static_cast<std::byte>(value >> (8 * i));
}

void PutText(IdentifyPage& page, size_t offset, size_t bytes, const std::string& text, char padding = ' ') {
  for (size_t i = 0; i < bytes; ++i) page.at(offset + i) = static_cast<std::byte>(i < text.size() ? text[i] : padding);
}

/// NVM Command Set Specification 1.0, 4.1.5.1.
struct NamespacePage {
  IdentifyPage bytes{};

  NamespacePage& Blocks(uint64_t count) { return Set(0, count, 8); }
  NamespacePage& FormatCount(uint64_t count) { return Set(25, count - 1, 1); }
  NamespacePage& UniqueFormatCount(uint64_t count) { return Set(82, count, 1); }
  NamespacePage& Flbas(uint64_t flbas) { return Set(26, flbas, 1); }
  NamespacePage& Format(size_t index, uint64_t shift, uint64_t metadata_bytes) {
    return Set(128 + 4 * index, metadata_bytes | shift << 16, 4);
  }
  NamespacePage& Set(size_t offset, uint64_t value, size_t size) {
    Put(bytes, offset, value, size);
    return *this;
  }
  absl::StatusOr<NvmeNamespace> Parse() const {
    NvmeNamespace space;
    PENSTOCK_RETURN_IF_ERROR(ParseIdentifyNamespace(bytes, "/dev/ng0n1", space));
    return space;
  }
};

TEST(ParseIdentifyNamespace, TakesTheFormatInUse) {
  NamespacePage page;
  page.Blocks(0x1'0000'0001).FormatCount(3).Format(0, 9, 0).Format(1, 12, 0).Format(2, 16, 0);
  EXPECT_EQ(page.Flbas(0).Parse()->block_bytes, 512);
  EXPECT_EQ(page.Flbas(1).Parse()->block_bytes, 4096);
  EXPECT_EQ(page.Flbas(2).Parse()->block_bytes, 65536);
  EXPECT_EQ(page.Parse()->block_count, 0x1'0000'0001);
  EXPECT_EQ(page.Flbas(1).Parse()->size_bytes(), 0x1'0000'0001 * 4096);
  EXPECT_EQ(page.Parse()->metadata_bytes, 0);
  EXPECT_FALSE(page.Parse()->metadata_interleaved);
}

TEST(ParseIdentifyNamespace, TellsInterleavedFromSeparateMetadata) {
  NamespacePage page;
  page.Blocks(8).FormatCount(2).Format(0, 9, 0).Format(1, 12, 64);
  EXPECT_FALSE(page.Flbas(0x01).Parse()->metadata_interleaved);
  EXPECT_EQ(page.Parse()->metadata_bytes, 64);
  EXPECT_TRUE(page.Flbas(0x11).Parse()->metadata_interleaved);
  EXPECT_EQ(page.Parse()->metadata_bytes, 64);
  EXPECT_EQ(page.Parse()->block_bytes, 4096);
  // Without metadata there is nothing to interleave, whatever the bit says.
  EXPECT_FALSE(page.Flbas(0x10).Parse()->metadata_interleaved);
}

TEST(ParseIdentifyNamespace, ReadsTheUpperFormatBitsOnlyWhereThereAreMoreThanSixteenFormats) {
  NamespacePage page;
  page.Blocks(8).Format(2, 9, 0).Format(0x32, 12, 8).Flbas(0x62);
  EXPECT_EQ(page.FormatCount(16).Parse()->block_bytes, 512);
  EXPECT_EQ(page.FormatCount(51).Parse()->block_bytes, 4096);
  EXPECT_EQ(page.Parse()->metadata_bytes, 8);
  EXPECT_FALSE(page.Parse()->metadata_interleaved);
  EXPECT_TRUE(page.Flbas(0x72).Parse()->metadata_interleaved);
  EXPECT_EQ(page.FormatCount(16).UniqueFormatCount(35).Parse()->block_bytes, 4096);
}

TEST(ParseIdentifyNamespace, RefusesWhatCannotBeRead) {
  EXPECT_EQ(NamespacePage().Parse().status().code(), absl::StatusCode::kFailedPrecondition);  // not active: all zero
  EXPECT_THAT(RemedyOf(NamespacePage().Parse().status()), HasSubstr("nvme attach-ns"));
  for (const uint64_t shift : {0, 8, 21, 255}) {
    EXPECT_EQ(NamespacePage().Blocks(8).Format(0, shift, 0).Parse().status().code(), absl::StatusCode::kFailedPrecondition)
        << shift;
  }
  EXPECT_TRUE(NamespacePage().Blocks(1).Format(0, 20, 0).Parse().ok());
}

TEST(ParseIdentifyNamespace, RefusesASizeThatIsNoFileOffset) {
  NamespacePage page;
  page.Blocks((uint64_t{1} << 51) - 1).Format(0, 12, 0);
  EXPECT_EQ(page.Parse()->size_bytes(), (uint64_t{1} << 63) - 4096);
  EXPECT_EQ(page.Blocks(uint64_t{1} << 51).Parse().status().code(), absl::StatusCode::kFailedPrecondition);
  // Would be 4096 bytes, if it were multiplied.
  EXPECT_FALSE(page.Blocks((uint64_t{1} << 52) + 1).Parse().ok());
}

TEST(ParseIdentifyController, TrimsTheTextsAndCountsMdtsInPages) {
  IdentifyPage page{};
  PutText(page, 4, 20, "  S4EWNX0R");
  PutText(page, 24, 40, "A DRIVE OF 40 CHARACTERS, ALL IN USE....");
  PutText(page, 64, 8, "1.0", '\0');
  NvmeController controller;
  ParseIdentifyController(page, controller);
  EXPECT_EQ(controller.serial, "S4EWNX0R");
  EXPECT_EQ(controller.model, "A DRIVE OF 40 CHARACTERS, ALL IN USE....");
  EXPECT_EQ(controller.firmware, "1.0");
  EXPECT_EQ(controller.max_transfer_bytes, 0);  // MDTS 0: no limit
  Put(page, 77, 7, 1);
  ParseIdentifyController(page, controller);
  EXPECT_EQ(controller.max_transfer_bytes, 512 << 10);
  Put(page, 77, 255, 1);
  ParseIdentifyController(page, controller);
  EXPECT_EQ(controller.max_transfer_bytes, 0);
}

TEST(ParseSmartLog, TakesTheLowHalvesOfTheReadCounters) {
  SmartLogPage page{};
  Put(page, 32, 0x0123456789abcdef, 8);
  Put(page, 40, 0xff, 8);    // the high half of data units read
  Put(page, 48, 0x1111, 8);  // data units written
  Put(page, 64, 0xfedcba9876543210, 8);
  Put(page, 80, 0x2222, 8);  // host write commands
  const NvmeReadCounters counters = ParseSmartLog(page);
  EXPECT_EQ(counters.data_units_read, 0x0123456789abcdef);
  EXPECT_EQ(counters.host_read_commands, 0xfedcba9876543210);
}

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

TEST(NvmeIdentify, SaysThatAFileIsNoNamespace) {
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

TEST(NvmeStatusText, HasLibnvmesNameOrTheNumbers) {
  EXPECT_EQ(NvmeStatusText(0x281), "Unrecovered Read Error");
  EXPECT_EQ(NvmeStatusText(0x4281), "Unrecovered Read Error");
  EXPECT_EQ(NvmeStatusText(0x1bb), "Zone Is Offline");
  EXPECT_EQ(NvmeStatusText(0x2ff), "status code 0xff of type 2");
  EXPECT_EQ(NvmeStatusText(0x500), "status code 0x0 of type 5");
}

}  // namespace
}  // namespace penstock::driver
