// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Disks that fail: what was read before is whole, the error names the place, nothing hangs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iostream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Gt;
using testing::HasSubstr;
using testing::Lt;

constexpr uint32_t kChunkBytes = 64 * 1024;
constexpr uint64_t kBadByte = 20000 * 512;  // of the disk MEDIAERROR, as the scenario says
constexpr uint64_t kBadChunk = kBadByte / kChunkBytes * kChunkBytes;

std::string QueueSetting(const Disk& disk, const std::string& name) {
  return "/sys/block/" + disk.block_node.substr(strlen("/dev/")) + "/queue/" + name;
}

TEST(MediaError, EndsASourceAtTheChunkAndNamesIt) {
  const Disk disk = DiskOf("MEDIAERROR");
  const ScopedSetting unmerged(QueueSetting(disk, "nomerges"), "2");
  for (const ReadPath path : {ReadPath::kRead, ReadPath::kPread}) {
    const auto report =
        IngestCrc32c({disk.block_node, DiskOf("PLAIN").block_node}, {.path = path, .chunk_bytes = kChunkBytes, .depth = 8});
    ASSERT_TRUE(report.ok()) << report.status();
    const SourceReport& failed = report->sources.at(0);
    EXPECT_EQ(failed.status.code(), absl::StatusCode::kDataLoss) << ReadPathName(path);
    EXPECT_THAT(std::string(failed.status.message()), HasSubstr(absl::StrCat(kBadChunk))) << ReadPathName(path);
    EXPECT_EQ(failed.bytes, kBadChunk) << ReadPathName(path);
    EXPECT_TRUE(report->sources.at(1).status.ok()) << "the other source must not suffer: " << report->sources[1].status;
    EXPECT_EQ(report->sources[1].result.crc32c, DiskOf("PLAIN").crc32c);
  }
}

/// Reads all of `disk` in chunks; returns the offsets of those that failed. The others' bytes must be right.
std::vector<uint64_t> FailedChunks(const Disk& disk) {
  constexpr uint32_t kDepth = 8;
  const Volume volume = Volume::Open(disk.block_node).value();
  const BufferPool pool = BufferPool::Create({.buffer_bytes = kChunkBytes, .buffer_count = kDepth}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(ReadPath::kRead, pool, {.depth = kDepth}).value();
  queue->Attach(volume);
  std::vector<uint64_t> failed;
  {
    Reader reader(*queue, {.depth = kDepth});
    std::vector<uint32_t> free_buffers = {0, 1, 2, 3, 4, 5, 6, 7};
    std::vector<uint64_t> offset_in(kDepth);
    std::vector<ChunkResult> results(kDepth);
    for (uint64_t next = 0; next < disk.bytes || reader.in_flight() > 0;) {
      for (; next < disk.bytes && !free_buffers.empty(); next += kChunkBytes, free_buffers.pop_back()) {
        const uint32_t buffer = free_buffers.back();
        offset_in[buffer] = next;
        const ChunkRead read{.tag = buffer,
                             .volume = &volume,
                             .offset_bytes = next,
                             .length_bytes = kChunkBytes,
                             .destination = pool.buffer(buffer)};
        EXPECT_EQ(reader.Start(read), absl::OkStatus());
      }
      const absl::StatusOr<size_t> ended = reader.Wait(absl::MakeSpan(results), absl::Seconds(10));
      EXPECT_TRUE(ended.ok()) << ended.status();
      if (!ended.ok() || *ended == 0) return {~0ull};
      for (const ChunkResult& result : absl::MakeSpan(results).first(*ended)) {
        const auto buffer = static_cast<uint32_t>(result.tag);
        free_buffers.push_back(buffer);
        if (!result.status.ok()) {
          failed.push_back(offset_in[buffer]);
        } else {
          EXPECT_EQ(disk.content.FirstDifference(pool.buffer(buffer), offset_in[buffer]), std::nullopt);
        }
      }
    }
  }
  queue->Detach(volume);
  return failed;
}

TEST(MediaError, FailsOneChunkAndNoOtherWhereReadsAreNotMerged) {
  const Disk disk = DiskOf("MEDIAERROR");
  const ScopedSetting unmerged(QueueSetting(disk, "nomerges"), "2");
  EXPECT_EQ(FailedChunks(disk), std::vector{kBadChunk});
}

// The block layer makes one command of neighbouring reads that are submitted together; it fails as one.
TEST(MediaError, FailsNoChunkThatTheBlockLayerCannotHaveMergedWithTheBadOne) {
  const Disk disk = DiskOf("MEDIAERROR");
  const uint64_t command_bytes = 1024 * std::stoull(ReadLine(QueueSetting(disk, "max_sectors_kb")));
  const std::vector<uint64_t> failed = FailedChunks(disk);
  EXPECT_THAT(failed, Contains(kBadChunk));
  EXPECT_LE(failed.size(), command_bytes / kChunkBytes);
  EXPECT_THAT(failed, Each(AllOf(Gt(kBadChunk - command_bytes), Lt(kBadChunk + command_bytes))));
}

TEST(Reset, UnderLoadLosesNoByte) {
  const Disk disk = DiskOf("PLAIN");
  std::atomic<uint64_t> folded = 0;
  std::atomic<bool> over = false;
  IngestOptions options;
  options.chunk_bytes = kChunkBytes;
  options.progress = [&](uint64_t bytes) { folded = bytes; };
  absl::StatusOr<IngestReport> report = absl::UnknownError("it never came back");
  std::thread run([&] {
    report = IngestCrc32c({disk.block_node, disk.block_node}, options);
    over = true;
  });
  EXPECT_TRUE(Eventually([&] { return folded > 0; }));
  const std::string controller = "/sys/class/nvme/" + disk.controller;
  int resets = 0;
  for (; !over && resets < 2; ++resets) {
    EXPECT_TRUE(WriteLine(controller + "/reset_controller", "1"));
    EXPECT_TRUE(Eventually([&] { return ReadLine(controller + "/state") == "live"; }));
  }
  run.join();
  EXPECT_GT(resets, 0);
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  for (const SourceReport& source : report->sources) EXPECT_EQ(source.result.crc32c, disk.crc32c);
}

TEST(Unplugged, ControllerEndsASourceUnderLoadWithAnError) {
  const Disk disk = DiskOf("SLOW");
  std::atomic<uint64_t> folded = 0;
  absl::StatusOr<IngestReport> report = absl::UnknownError("it never came back");
  IngestOptions options;
  options.chunk_bytes = kChunkBytes;
  options.progress = [&](uint64_t bytes) { folded = bytes; };
  std::thread run([&] { report = IngestCrc32c({disk.block_node, DiskOf("PLAIN").block_node}, options); });
  EXPECT_TRUE(Eventually([&] { return folded >= 4 * kChunkBytes; }));
  const uint64_t pulled_ns = MonotonicNs();
  AskHost("device_del id=SLOW");
  run.join();
  EXPECT_LT(absl::Nanoseconds(MonotonicNs() - pulled_ns), absl::Seconds(15));
  ASSERT_TRUE(report.ok()) << report.status();
  const SourceReport& pulled = report->sources.at(0);
  EXPECT_FALSE(pulled.status.ok());
  EXPECT_EQ(pulled.bytes % kChunkBytes, 0u);
  EXPECT_LT(pulled.bytes, disk.bytes);
  EXPECT_EQ(report->sources.at(1).result.crc32c, DiskOf("PLAIN").crc32c) << "the other source must not suffer";
  EXPECT_TRUE(Eventually([] { return ControllersOf("SLOW").empty(); })) << "the kernel still has the controller";
  std::cout << "pulled out after " << pulled.bytes << " bytes: " << pulled.status << std::endl;
}

}  // namespace
}  // namespace penstock::guest
