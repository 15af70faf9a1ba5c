// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pages are made by hand from the specification's byte offsets, not from libnvme's structures.
#include "driver/nvme_identify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "penstock/error.h"

namespace penstock::driver {
namespace {

using ::testing::HasSubstr;

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

TEST(NvmeStatusText, HasLibnvmesNameOrTheNumbers) {
  EXPECT_EQ(NvmeStatusText(0x281), "Unrecovered Read Error");
  EXPECT_EQ(NvmeStatusText(0x4281), "Unrecovered Read Error");
  EXPECT_EQ(NvmeStatusText(0x1bb), "Zone Is Offline");
  EXPECT_EQ(NvmeStatusText(0x2ff), "status code 0xff of type 2");
  EXPECT_EQ(NvmeStatusText(0x500), "status code 0x0 of type 5");
}

}  // namespace
}  // namespace penstock::driver
