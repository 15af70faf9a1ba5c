// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sound disks, read whole: the CRC-32C that the device computes is the one that another program computed on the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

void ExpectWhole(const std::vector<Disk>& disks, const IngestOptions& options) {
  std::vector<std::string> nodes;
  for (const Disk& disk : disks) nodes.push_back(disk.block_node);
  const absl::StatusOr<IngestReport> report = IngestCrc32c(nodes, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status.ok()) << report->status;
  ASSERT_EQ(report->sources.size(), disks.size());
  uint64_t bytes = 0;
  for (size_t i = 0; i < disks.size(); ++i) {
    EXPECT_EQ(report->sources[i].path, options.path) << disks[i].serial;
    EXPECT_EQ(report->sources[i].bytes, disks[i].bytes) << disks[i].serial;
    EXPECT_EQ(report->sources[i].result.crc32c, disks[i].crc32c) << disks[i].serial;
    bytes += disks[i].bytes;
  }
  EXPECT_EQ(report->bounce_bytes, options.path == ReadPath::kPread ? bytes : 0);
}

class Reading : public testing::TestWithParam<ReadPath> {};

TEST_P(Reading, DeliversEveryByteOfADisk) {
  ExpectWhole({DiskOf("PLAIN")}, {.path = GetParam(), .chunk_bytes = 256 * 1024, .depth = 16});
}

TEST_P(Reading, DeliversDisksOfDifferentBlocksInOneRun) {
  ExpectWhole({DiskOf("BLOCKS4096"), DiskOf("PLAIN"), DiskOf("BLOCKS4096")}, {.path = GetParam(), .depth = 4});
}

TEST_P(Reading, DeliversAtEveryDepth) {
  for (const uint32_t depth : {1, 3, 64, 256}) {
    ExpectWhole({DiskOf("BLOCKS4096")}, {.path = GetParam(), .chunk_bytes = 64 * 1024, .depth = depth});
  }
}

INSTANTIATE_TEST_SUITE_P(, Reading, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path) { return std::string(ReadPathName(path.param)); });

}  // namespace
}  // namespace penstock::guest
