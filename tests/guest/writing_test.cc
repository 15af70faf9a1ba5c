// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Disks written all over by every path: every other path sees it, and so does the host, which looks at the image after the boot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "penstock/error.h"
#include "tests/driver/child_process.h"
#include "tests/guest/disk_writer.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::HasSubstr;

void ExpectWrittenByAll(const Disk& disk) {
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) ExpectRewritten(disk, path);
  TellHostOfRewritten(disk);
}

class Writing : public testing::TestWithParam<ReadPath> {};

TEST_P(Writing, PutsEveryByteWhereEveryPathAndTheHostFindIt) {
  const Disk disk = DiskOf("WRITTEN_" + std::string(ReadPathName(GetParam())));
  {
    DiskWriter writer(disk, disk.char_node, GetParam(), By(GetParam()).make_pool);
    EXPECT_TRUE(writer.WriteAll().empty());
    EXPECT_EQ(writer.reader().counts().resubmitted, 0u);
    EXPECT_EQ(writer.queue().bounce_bytes(), GetParam() == ReadPath::kPread ? disk.bytes : 0);
    // While it is open to be written, what the page cache has of it is what the path left there.
    ExpectRewritten(disk, ReadPath::kNvme);
    ExpectRewritten(disk, ReadPath::kRead);
  }
  ExpectWrittenByAll(disk);
}

TEST_P(Writing, IsNotDoneToAVolumeThatWasOpenedToRead) {
  const Disk disk = DiskOf("PLAIN");
  const Volume volume = Volume::Open(disk.char_node).value();
  const BufferPool pool = By(GetParam()).make_pool({.buffer_bytes = 4096, .buffer_count = 1}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(GetParam(), pool, {.depth = 1}).value();
  Reader reader(*queue, {.depth = 1});
  const absl::Status status =
      reader.Start({.volume = &volume, .length_bytes = 4096, .destination = pool.buffer(0), .direction = Direction::kWrite});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(RemedyOf(status), HasSubstr("OpenForWriting"));
}

TEST_P(Writing, StaysInsideTheDisk) {
  const Disk disk = DiskOf("BLOCKS4096");
  DiskWriter writer(disk, disk.block_node, GetParam(), By(GetParam()).make_pool);
  EXPECT_EQ(writer.Start(0, disk.bytes, 4096).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(writer.Start(0, disk.bytes - 4096, 8192).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(writer.reader().counts().submitted, 0u);
}

INSTANTIATE_TEST_SUITE_P(, Writing, testing::Values(ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Writing, testing::Values(ReadPath::kBar), PathParameter);

TEST(PeerWriting, GoesThroughTheBlockLayerToo) {
  const Disk disk = DiskOf("WRITTEN_peer");
  {
    DiskWriter writer(disk, disk.block_node, ReadPath::kRead, PeerMemoryPools(DiskOf("MEMORY").pci_address));
    EXPECT_TRUE(writer.WriteAll().empty());
    EXPECT_EQ(writer.queue().bounce_bytes(), 0u);
  }
  ExpectWrittenByAll(disk);
}

TEST(SplitWriting, MakesAsManyCommandsAsTheControllersLimitAsksFor) {
  const Disk disk = DiskOf("SMALLWRITES");
  {
    DiskWriter writer(disk, disk.char_node, ReadPath::kNvme, BufferPool::Create);
    EXPECT_TRUE(writer.WriteAll().empty());
    EXPECT_EQ(writer.queue().command_count(), disk.bytes / (32 * 1024));
  }
  ExpectWrittenByAll(disk);
}

/// One block of SCRATCH, as a user without rights but those that the case gave.
std::string UsersWrite(const std::string& node) {
  return RunInChild([&]() -> std::string {
    if (!BecomeUser()) return "still root";
    const Disk disk = DiskOf("SCRATCH");
    const absl::Status status = Volume::OpenForWriting(node).status();
    if (!status.ok()) return status.ToString();
    DiskWriter writer(disk, node, ReadPath::kNvme, BufferPool::Create);
    const ChunkResult result = writer.WriteOne(4096, 4096);
    return result.status.ok() ? "written" : result.status.ToString();
  });
}

TEST(UserWriting, NeedsRightsOnBothNodesAndNoMore) {
  const Disk disk = DiskOf("SCRATCH");
  const ScopedOwner char_owner(disk.char_node, kUser);
  EXPECT_THAT(UsersWrite(disk.char_node), testing::AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr(disk.block_node)));
  const ScopedOwner block_owner(disk.block_node, kUser);
  EXPECT_EQ(UsersWrite(disk.char_node), "written");
}

constexpr uint64_t kBadByte = 4000 * 512;  // of the disk WRITEERROR, as the scenario says
constexpr uint64_t kBadChunk = kBadByte / DiskWriter::kChunkBytes * DiskWriter::kChunkBytes;
constexpr uint16_t kWriteFault = 0x280;

class WriteError : public testing::TestWithParam<ReadPath> {};

TEST_P(WriteError, FailsTheOneChunkAndNoOther) {
  const Disk disk = DiskOf("WRITEERROR");
  {
    DiskWriter writer(disk, disk.char_node, GetParam(), By(GetParam()).make_pool);
    const std::vector<FailedChunk> failed = writer.WriteAll();
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].offset_bytes, kBadChunk);
    EXPECT_EQ(failed[0].status.code(), absl::StatusCode::kDataLoss) << failed[0].status;
    EXPECT_THAT(CauseOf(failed[0].status), HasSubstr("writing"));
    EXPECT_EQ(writer.reader().counts().failed, 1u);
    const bool is_passthrough = GetParam() == ReadPath::kNvme || GetParam() == ReadPath::kBar;
    EXPECT_EQ(NvmeStatusOf(failed[0].status).value_or(0) & 0x7ff, is_passthrough ? kWriteFault : 0);
  }
  DiskWriter again(disk, disk.char_node, GetParam(), By(GetParam()).make_pool);
  EXPECT_EQ(again.WriteOne(kBadChunk - 4096, 4096).status, absl::OkStatus()) << "its neighbours are sound";
}

INSTANTIATE_TEST_SUITE_P(, WriteError, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, WriteError, testing::Values(ReadPath::kBar), PathParameter);

}  // namespace
}  // namespace penstock::guest
