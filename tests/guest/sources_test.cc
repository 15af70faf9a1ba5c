// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is read, and from whom: namespaces of every kind, several controllers in one run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kMebibyte = 1 << 20;

TEST(Sources, MayBeTwoNamespacesOfOneController) {
  const Disk one = DiskOf("TWO", 1);
  const Disk two = DiskOf("TWO", 2);
  const IngestReport report = ExpectWhole({one, two}, {one.char_node, two.char_node}, By(ReadPath::kNvme));
  ASSERT_EQ(report.controllers.size(), 1u);
  EXPECT_EQ(report.controllers[0].block_layer_reads, 0u);
  // The second namespace is probed, with two reads or three, when the controller is watched already.
  EXPECT_GE(report.controllers[0].read_commands, report.paths.at(0).commands);
  EXPECT_LE(report.controllers[0].read_commands, report.paths.at(0).commands + 3);
}

TEST(Sources, MayBeANamespaceBehindTwoControllers) {
  const Disk disk = DiskOf("PAIR");
  ASSERT_EQ(ControllersOf("PAIR").size(), 2u);
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead}) ExpectWhole({disk}, {disk.block_node}, By(path));
}

TEST(Sources, OfSeveralControllersAndAFileGoEachByTheBestPathInOneRun) {
  const Disk two = DiskOf("TWO", 2);
  const std::vector<Disk> disks = {DiskOf("PLAIN"), DiskOf("BLOCKS4096"), DiskOf("PAIR"), two};
  const std::string file = "/tmp/copy";
  ASSERT_EQ(system(absl::StrCat("cp ", two.block_node, " ", file).c_str()), 0);
  std::vector<std::string> sources = {file};
  for (const Disk& disk : disks) sources.push_back(disk.char_node);
  IngestOptions options;
  options.chunk_bytes = 128 * 1024;
  options.depth = 4;
  const auto report = IngestCrc32c(sources, options);
  unlink(file.c_str());
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  EXPECT_EQ(report->sources[0].path, ReadPath::kPread);
  EXPECT_EQ(report->sources[0].result.crc32c, two.crc32c);
  uint64_t disk_bytes = 0;
  for (size_t i = 0; i < disks.size(); ++i) {
    EXPECT_EQ(report->sources[i + 1].path, ReadPath::kNvme) << sources[i + 1];
    EXPECT_EQ(report->sources[i + 1].result.crc32c, disks[i].crc32c) << sources[i + 1];
    disk_bytes += disks[i].bytes;
  }
  ASSERT_EQ(report->paths.size(), 2u);
  EXPECT_EQ(report->paths[0].bytes, disk_bytes);
  EXPECT_EQ(report->paths[1].bytes, two.bytes);
  EXPECT_EQ(report->bounce_bytes, two.bytes);
  ASSERT_EQ(report->controllers.size(), disks.size());
  for (const ControllerCounts& counts : report->controllers) {
    EXPECT_EQ(counts.block_layer_reads, 0u);
    if (counts.controller.serial == "PAIR") {
      EXPECT_EQ(counts.status.code(), absl::StatusCode::kUnimplemented) << "either controller may answer: " << counts.status;
    } else {
      EXPECT_GE(counts.read_commands, 4 * kMebibyte / options.chunk_bytes);
    }
  }
}

TEST(Format, WithMetadataApartIsReadByTheKernelAlone) {
  const Disk disk = DiskOf("METADATA");
  IngestOptions options = By(ReadPath::kNvme);
  EXPECT_THAT(Story(disk, disk.char_node, options), AllOf(HasSubstr("demanded"), HasSubstr("8 bytes of metadata each"),
                                                          HasSubstr("passthrough leaves unchecked"), HasSubstr("path read")));
  options.path = std::nullopt;
  EXPECT_THAT(Story(disk, disk.char_node, options), AllOf(HasSubstr("read all bytes; not nvme"), HasSubstr("metadata")));
  EXPECT_THAT(Story(disk, disk.block_node, By(ReadPath::kPread)), "pread all bytes");
}

TEST(Format, WithMetadataBetweenTheDataIsReadByNobody) {
  const Disk disk = DiskOf("INTERLEAVED");
  IngestOptions options = By(ReadPath::kNvme);
  options.path = std::nullopt;
  EXPECT_THAT(Story(disk, disk.char_node, options),
              AllOf(HasSubstr("8 bytes of metadata each, which lie between the data"), HasSubstr("without metadata")));
  const auto volume = Volume::Open(disk.char_node);
  EXPECT_EQ(volume.status().code(), absl::StatusCode::kFailedPrecondition) << volume.status();
}

}  // namespace
}  // namespace penstock::guest
