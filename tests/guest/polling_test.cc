// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Polling for completions (IOPOLL), a kernel thread that submits (SQPOLL), and both.
#include <gtest/gtest.h>

#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/guest/disk_reader.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

class Polling : public testing::TestWithParam<ReadPath> {};

TEST_P(Polling, OfTheDeviceNeedsNoInterrupts) {
  const Disk disk = DiskOf("BLOCKS4096");
  IngestOptions options = By(GetParam(), 16 * 1024);
  const uint64_t first = InterruptsOf(disk.controller);
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
  const uint64_t second = InterruptsOf(disk.controller);
  options.poll_device = true;
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
  const uint64_t third = InterruptsOf(disk.controller);
  EXPECT_GT(second - first, 20u) << "256 reads, several an interrupt";
  EXPECT_LT(third - second, 10u) << "the probe compares with a read of its own";
}

TEST_P(Polling, ByAKernelThreadThatSubmitsDeliversAllTheSame) {
  const Disk disk = DiskOf("BLOCKS4096");
  IngestOptions options = By(GetParam(), 16 * 1024);
  options.kernel_thread = true;
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
  options.poll_device = true;
  ExpectTheControllersAgree(ExpectWhole({disk}, {disk.char_node}, options));
}

INSTANTIATE_TEST_SUITE_P(, Polling, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Polling, testing::Values(ReadPath::kBar), PathParameter);

/// Reads the chunk at the start of each MiB of the disk SLOW: too far from each other for the block layer to merge them.
void ExpectChunksInTime(ReadPath path, uint32_t chunk_bytes, const ReadQueueOptions& options) {
  const Disk disk = DiskOf("SLOW");
  const Volume volume = Volume::Open(disk.char_node).value();
  const BufferPool pool = BufferPool::Create({.buffer_bytes = chunk_bytes, .buffer_count = options.depth}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(path, pool, options).value();
  queue->Attach(volume);
  Reader reader(*queue, {.depth = options.depth, .read_timeout = absl::Seconds(3)});
  const std::vector<FailedChunk> failed = RunChunks(
      reader, ChunkOffsets(disk, 1 << 20),
      [&](uint32_t buffer, uint64_t offset) {
        return reader.Start({.tag = buffer,
                             .volume = &volume,
                             .offset_bytes = offset,
                             .length_bytes = chunk_bytes,
                             .destination = pool.buffer(buffer)});
      },
      [&](const ChunkResult& result, uint64_t offset) {
        EXPECT_EQ(disk.content.FirstDifference(pool.buffer(static_cast<uint32_t>(result.tag)), offset), std::nullopt);
      });
  for (const FailedChunk& chunk : failed) ADD_FAILURE() << chunk.status;
  EXPECT_EQ(reader.Drain(absl::Seconds(10)), absl::OkStatus());
  queue->Detach(volume);
}

// At 10 ms a command, the completions that a Wait is for come one after the other.
TEST(PollingOfASlowDisk, GoesOnUntilAllCommandsOfAReadHaveEnded) {
  ExpectChunksInTime(ReadPath::kNvme, 1 << 20, {.depth = 8, .poll_device = true});
}

TEST(PollingOfASlowDisk, GoesOnUntilAsManyReadsHaveEndedAsAWaitIsFor) {
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead}) {
    SCOPED_TRACE(ReadPathName(path));
    ExpectChunksInTime(path, 16 * 1024, {.depth = 8, .poll_device = true, .wait_count = 4});
  }
}

}  // namespace
}  // namespace penstock::guest
