// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sound disks, read whole by every path: the CRC-32C that the device computes is the one that another program computed on the
// host, and the controllers' own counters tell which way the bytes came.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/guest/disk_reader.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

IngestOptions Auto(const BufferPoolMaker& make_pool = BufferPool::Create) {
  IngestOptions options;
  options.make_pool = make_pool;
  options.chunk_bytes = 256 * 1024;
  options.depth = 8;
  return options;
}

class Reading : public testing::TestWithParam<ReadPath> {};

TEST_P(Reading, DeliversEveryByteWhicheverNodeIsNamed) {
  const Disk disk = DiskOf("PLAIN");
  for (const std::string& node : {disk.char_node, disk.block_node}) {
    ExpectTheControllersAgree(ExpectWhole({disk}, {node}, By(GetParam(), 128 * 1024, 16)));
  }
}

TEST_P(Reading, DeliversDisksOfDifferentBlocksInOneRun) {
  const Disk small = DiskOf("PLAIN");
  const Disk large = DiskOf("BLOCKS4096");
  ExpectWhole({large, small, large}, {large.block_node, small.char_node, large.char_node}, By(GetParam(), 1 << 20, 4));
}

TEST_P(Reading, DeliversAtEveryDepth) {
  const Disk disk = DiskOf("BLOCKS4096");
  for (const uint32_t depth : {1, 7, 64, 256}) {
    ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, By(GetParam(), 16 * 1024, depth)));
  }
}

/// Commands end with a block, where registered regions of memory do not.
TEST_P(Reading, LandsWhereverABufferBegins) {
  const Disk disk = DiskOf("PLAIN");
  const Volume volume = Volume::Open(disk.char_node).value();
  const BufferPool pool = By(GetParam()).make_pool({.buffer_bytes = 1 << 20, .buffer_count = 1}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(GetParam(), pool, {.depth = 1}).value();
  Reader reader(*queue, {.depth = 1});
  // Linux 6.1 says that direct I/O lands at multiples of 4 bytes, and answers EINVAL to such a read of 512 KiB.
  const bool is_passthrough = GetParam() == ReadPath::kNvme || GetParam() == ReadPath::kBar;
  const size_t step = is_passthrough ? volume.support(GetParam()).memory_alignment_bytes : volume.block_bytes();
  for (const size_t begin : {size_t{0}, step, 16 * step, (size_t{256} << 10) - step}) {
    const absl::Span<std::byte> destination = pool.buffer(0).subspan(begin, 512 << 10);
    std::fill(destination.begin(), destination.end(), std::byte{0xEE});
    ASSERT_EQ(reader.Start({.volume = &volume, .offset_bytes = 1536, .length_bytes = 512 << 10, .destination = destination}),
              absl::OkStatus());
    ASSERT_EQ(WaitForOne(reader).status, absl::OkStatus()) << begin;
    EXPECT_EQ(disk.content.FirstDifference(destination, 1536), std::nullopt) << begin;
  }
}

/// A read that has ended still has its place in the queue, until its completion is taken.
TEST_P(Reading, KeepsToTheQueuesCapacityWhileCompletionsAreNotTaken) {
  const Disk disk = DiskOf("BLOCKS4096");
  const Volume volume = Volume::Open(disk.char_node).value();
  const BufferPool pool = By(GetParam()).make_pool({.buffer_bytes = 4096, .buffer_count = 4}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(GetParam(), pool, {.depth = 2}).value();
  queue->Attach(volume);
  const auto try_queue = [&](uint32_t index) {
    return queue->TryQueue(
        {.user_data = index, .volume = &volume, .length_bytes = 4096, .destination = pool.buffer(index).data()});
  };
  EXPECT_TRUE(try_queue(0) && try_queue(1));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue->Wait({}, absl::Milliseconds(20)).value(), 0u);
  EXPECT_FALSE(try_queue(2));
  RawCompletion completion;
  for (uint32_t next = 2; next < 6; ++next) {
    EXPECT_TRUE(Eventually([&] { return queue->Wait(absl::MakeSpan(&completion, 1), absl::Seconds(1)).value() == 1; }));
    EXPECT_EQ(completion.result, 4096);
    EXPECT_EQ(next < 4 && try_queue(next), next < 4);
  }
  queue->Detach(volume);
}

INSTANTIATE_TEST_SUITE_P(, Reading, testing::Values(ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Reading, testing::Values(ReadPath::kBar), PathParameter);

/// Blocks of which registered regions are not whole numbers: 136 KiB each for buffers of 272 KiB.
class LargeBlocks : public testing::TestWithParam<ReadPath> {};

TEST_P(LargeBlocks, AreReadWholeWhereverRegionsEnd) {
  const Disk disk = DiskOf("BLOCKS16384");
  for (const uint32_t chunk_kib : {272, 16, 1024})
    ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, By(GetParam(), chunk_kib * 1024, 4)));
}

INSTANTIATE_TEST_SUITE_P(, LargeBlocks, testing::Values(ReadPath::kNvme, ReadPath::kRead, ReadPath::kBar), PathParameter);

// A probe of path pread, which reads as little as it likes, compares with a read of whole blocks.
TEST(LargestBlocks, ArePassedByTheProbeOfEachPath) {
  const Disk disk = DiskOf("BLOCKS65536");
  const Volume volume = Volume::Open(disk.block_node).value();
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) {
    const std::optional<Refusal> refusal = ProbePath(path, volume, By(path).make_pool);
    EXPECT_FALSE(refusal.has_value()) << ReadPathName(path) << ": " << refusal->cause;
  }
}

class Splitting : public testing::TestWithParam<ReadPath> {};

/// How many commands the controller executed for all of SMALLREADS, 4 MiB at 32 KiB a command.
uint64_t CommandsInChunksOf(uint32_t chunk_bytes, ReadPath path) {
  const Disk disk = DiskOf("SMALLREADS");
  const IngestReport report = ExpectWhole({disk}, {disk.char_node}, By(path, chunk_bytes, 8));
  ExpectTheControllersAgree(report);
  return report.controllers.empty() ? 0 : report.controllers[0].read_commands;
}

TEST_P(Splitting, MakesAsManyCommandsAsTheControllersLimitAsksFor) {
  EXPECT_EQ(CommandsInChunksOf(256 * 1024, GetParam()), 4u * 1024 / 32);
  // 164 KiB are 5 commands of 28 KiB and one of 24; 24 chunks of them leave 160 KiB, 5 commands of 32 KiB.
  EXPECT_EQ(CommandsInChunksOf(164 * 1024, GetParam()), 24u * 6 + 5);
  EXPECT_EQ(CommandsInChunksOf(4096, GetParam()), 4u * 1024 / 4);
}

INSTANTIATE_TEST_SUITE_P(, Splitting, testing::Values(ReadPath::kNvme), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Splitting, testing::Values(ReadPath::kBar), PathParameter);

// Linux 6.1 counts the pages of all of a registered region as the command's segments: too many for a controller of 9.
TEST(NoSplitting, OfRegisteredMemoryStepsDownToReadsThatTheKernelSplits) {
  const Disk disk = DiskOf("SMALLREADS");
  EXPECT_THAT(Story(disk, disk.char_node, Auto()), AllOf(StartsWith("read all bytes; not nvme"), HasSubstr("EINVAL")));
}

TEST(Auto, TakesPassthroughForPinnedMemory) {
  const Disk disk = DiskOf("BLOCKS4096");
  EXPECT_EQ(Story(disk, disk.block_node, Auto()), "nvme all bytes");
}

TEST(AutoInPeerMemory, TakesPassthroughStraightIntoTheBar) {
  const Disk disk = DiskOf("BLOCKS4096");
  const IngestOptions options = Auto(PeerMemoryPools(DiskOf("MEMORY").pci_address));
  EXPECT_EQ(Story(disk, disk.char_node, options), "bar all bytes");
}

// QEMU's controller takes a list of pieces for its own memory only from that memory; another one may not mind.
TEST(AutoInPeerMemory, OfTheControllerItselfIsTriedAndNotAssumed) {
  const Disk disk = DiskOf("MEMORY");
  EXPECT_THAT(Story(disk, disk.char_node, Auto(PeerMemoryPools(disk.pci_address))),
              AnyOf("bar all bytes", AllOf(StartsWith("read all bytes; not bar"), HasSubstr("Controller Memory Buffer"))));
}

TEST(NoPeerMemory, IsAnErrorOfTheRunThatSaysWhatIsMissing) {
  const auto report = IngestCrc32c({DiskOf("PLAIN").char_node}, By(ReadPath::kBar));
  EXPECT_EQ(report.status().code(), absl::StatusCode::kNotFound) << report.status();
  EXPECT_THAT(CauseOf(report.status()), HasSubstr("has published no peer-to-peer memory"));
  EXPECT_THAT(RemedyOf(report.status()), HasSubstr("CONFIG_PCI_P2PDMA"));
}

}  // namespace
}  // namespace penstock::guest
