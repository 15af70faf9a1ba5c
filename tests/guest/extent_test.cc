// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parts of a disk: extents of a namespace, and partitions, which passthrough does not know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "tests/guest/ingest_run.h"
#include "tests/guest/scoped_partition.h"

namespace penstock::guest {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMebibyte = 1 << 20;

IngestOptions Extent(ReadPath path, uint64_t offset_bytes, std::optional<uint64_t> length_bytes) {
  IngestOptions options = By(path);
  options.offset_bytes = offset_bytes;
  options.length_bytes = length_bytes;
  return options;
}

/// Of an extent that is read whole; "the error" otherwise.
std::string CrcOf(const std::string& node, const IngestOptions& options) {
  const auto report = IngestCrc32c({node}, options);
  if (!report.ok() || !report->status.ok()) return (report.ok() ? report->status : report.status()).ToString();
  return absl::StrCat(absl::Hex(report->sources.at(0).result.crc32c.value()), " of ", report->sources.at(0).bytes);
}

std::string KnownCrcOf(const Disk& disk, uint64_t offset_bytes, uint64_t length_bytes) {
  return absl::StrCat(absl::Hex(disk.content.Crc32c(offset_bytes, length_bytes)), " of ", length_bytes);
}

TEST(Extent, OfANamespaceIsJustItsBytes) {
  const Disk disk = DiskOf("PLAIN");
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) {
    EXPECT_EQ(CrcOf(disk.char_node, Extent(path, 1536, kMebibyte + 512)), KnownCrcOf(disk, 1536, kMebibyte + 512));
    EXPECT_EQ(CrcOf(disk.char_node, Extent(path, disk.bytes - 4096, std::nullopt)), KnownCrcOf(disk, disk.bytes - 4096, 4096));
  }
}

TEST(Extent, PastTheEndIsOutOfRange) {
  const Disk disk = DiskOf("PLAIN");
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead}) {
    for (const auto& [offset, length] : {std::pair{disk.bytes - 512, uint64_t{1024}}, {disk.bytes + 512, uint64_t{0}}}) {
      const auto report = IngestCrc32c({disk.char_node}, Extent(path, offset, length));
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_EQ(report->status.code(), absl::StatusCode::kOutOfRange) << report->status;
      EXPECT_THAT(RemedyOf(report->status), HasSubstr("at most"));
      EXPECT_EQ(report->sources[0].bytes, 0u);
    }
  }
}

TEST(Extent, OfPartsOfBlocksIsRefused) {
  const Disk disk = DiskOf("BLOCKS4096");
  for (const auto& [offset, length] : {std::pair{512, 4096}, {4096, 512}}) {
    const auto report = IngestCrc32c({disk.char_node}, Extent(ReadPath::kNvme, offset, length));
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->status.code(), absl::StatusCode::kInvalidArgument) << report->status;
    EXPECT_THAT(RemedyOf(report->status), HasSubstr("multiples of 4096"));
  }
}

TEST(Partition, IsReadByTheKernelAndByPassthroughAsTheRemedySays) {
  constexpr uint64_t kOffset = kMebibyte;
  constexpr uint64_t kLength = 2 * kMebibyte + 1536;
  const Disk disk = DiskOf("PLAIN");
  const ScopedPartition partition(disk.block_node, kOffset, kLength);
  const std::string known = KnownCrcOf(disk, kOffset, kLength);

  const auto demanded = IngestCrc32c({partition.node()}, By(ReadPath::kNvme));
  ASSERT_TRUE(demanded.ok()) << demanded.status();
  EXPECT_EQ(demanded->status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(demanded->status), HasSubstr("is a partition"));
  const std::string remedy = absl::StrCat("name ", disk.char_node, " with offset ", kOffset, " and length ", kLength);
  EXPECT_THAT(RemedyOf(demanded->status), HasSubstr(remedy));

  IngestOptions options = By(ReadPath::kRead);
  options.path = std::nullopt;
  const auto report = IngestCrc32c({partition.node()}, options);
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  EXPECT_EQ(report->sources[0].path, ReadPath::kRead);
  EXPECT_EQ(report->sources[0].result.crc32c, disk.content.Crc32c(kOffset, kLength));
  EXPECT_EQ(CrcOf(disk.char_node, Extent(ReadPath::kNvme, kOffset, kLength)), known) << "the remedy";
}

}  // namespace
}  // namespace penstock::guest
