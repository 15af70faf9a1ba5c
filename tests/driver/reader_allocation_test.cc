// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading allocates nothing once it runs, in any thread. A binary of its own: it counts allocations.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/counting_allocator.h"

namespace penstock {
namespace {

constexpr uint32_t kDepth = 8;
constexpr uint32_t kBuffer = 4096;
constexpr uint32_t kChunks = 64;

/// Reads all chunks, each into a buffer of its own. The number of bytes that landed.
uint64_t ReadAll(Reader& reader, const Volume& volume, const BufferPool& pool) {
  uint64_t landed = 0;
  ChunkResult results[kDepth];
  for (uint32_t next = 0; next < kChunks || reader.in_flight() > 0;) {
    for (; next < kChunks && reader.HasRoom(); ++next) {
      const bool started = reader
                               .Start({.tag = next,
                                       .volume = &volume,
                                       .offset_bytes = next * kBuffer,
                                       .length_bytes = kBuffer,
                                       .destination = pool.buffer(next)})
                               .ok();
      if (!started) return 0;
    }
    const absl::StatusOr<size_t> stored = reader.Wait(absl::MakeSpan(results), absl::Seconds(5));
    for (size_t i = 0; stored.ok() && i < *stored; ++i) landed += results[i].bytes;
  }
  return landed;
}

void ExpectNoAllocation(ReadQueue& queue, const BufferPool& pool) {
  const TempFile file(kChunks * kBuffer - 100);  // The last chunk is short, so resubmitting is looked at as well.
  const Volume volume = file.Open();
  if (queue.path() == ReadPath::kRead && volume.support(ReadPath::kRead).fd < 0)
    GTEST_SKIP() << volume.support(ReadPath::kRead).refusal.cause;
  queue.Attach(volume);
  Reader reader(queue, {.depth = kDepth});
  EXPECT_EQ(ReadAll(reader, volume, pool), kChunks * kBuffer - 100);  // To warm up.
  const uint64_t before = fakes::AllocationCount();
  for (int round = 0; round < 20; ++round) EXPECT_EQ(ReadAll(reader, volume, pool), kChunks * kBuffer - 100);
  EXPECT_EQ(fakes::AllocationCount(), before);
  EXPECT_GT(reader.counts().resubmitted, 0);
  queue.Detach(volume);
}

TEST(ReaderAllocation, CountsAllocations) {
  const uint64_t before = fakes::AllocationCount();
  const std::string text(100, 'x');
  EXPECT_GT(fakes::AllocationCount(), before) << text;
}

TEST(ReaderAllocation, IsNotDoneByTheUringQueue) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = kBuffer, .buffer_count = kChunks}).value();
  const auto queue = OpenReadQueue(ReadPath::kRead, pool, {.depth = kDepth});
  if (!queue.ok()) GTEST_SKIP() << queue.status();
  ExpectNoAllocation(**queue, pool);
}

TEST(ReaderAllocation, IsNotDoneByThePreadQueue) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = kBuffer, .buffer_count = kChunks}).value();
  const std::unique_ptr<ReadQueue> queue = OpenReadQueue(ReadPath::kPread, pool, {.depth = kDepth, .thread_count = 3}).value();
  ExpectNoAllocation(*queue, pool);
}

}  // namespace
}  // namespace penstock
