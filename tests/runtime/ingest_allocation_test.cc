// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A whole ingest run allocates for its set-up and its sources, never for a chunk. A binary of its own: it counts allocations.
#include <gtest/gtest.h>

#include "penstock/ingest.h"
#include "penstock/read_paths.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/counting_allocator.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

uint64_t AllocationsOf(size_t chunks, std::unique_ptr<Operation> operation, ReadPath path) {
  constexpr u32 kChunkBytes = 4096;
  const TempFile file(chunks * kChunkBytes);
  const std::unique_ptr<Device> device = MakeDevice();
  IngestOptions options;
  options.path = path;
  options.chunk_bytes = kChunkBytes;
  options.depth = 4;
  const std::vector<std::string> sources = {file.path()};
  const uint64_t before = fakes::AllocationCount();
  const auto report = Ingest(*device, sources, *operation, options);
  const uint64_t after = fakes::AllocationCount();
  EXPECT_TRUE(report.ok() && report->status.ok()) << report.status();
  EXPECT_EQ(report->statistics.chunks, chunks);
  return after - before;
}

class IngestAllocation : public testing::TestWithParam<ReadPath> {};

TEST_P(IngestAllocation, IsTheSameForTenChunksAndForTwoThousand) {
  if (GetParam() == ReadPath::kRead) {
    const TempFile file(4096);
    const auto pool = BufferPool::Create({4096, 1});
    if (file.Open().support(ReadPath::kRead).fd < 0 || !OpenReadQueue(ReadPath::kRead, *pool, {.depth = 1}).ok()) {
      GTEST_SKIP() << "path read is refused here. Fix: allow io_uring, and run on a disk file system.";
    }
  }
  const auto make = {MakeCrc32cOperation, MakeHistogramOperation, MakeNoOperation};
  for (const auto make_operation : make) {
    AllocationsOf(10, make_operation(), GetParam());  // first uses of libraries
    const uint64_t few = AllocationsOf(10, make_operation(), GetParam());
    uint64_t many = 0;  // of the best of some runs: one that something disturbs may allocate a status for it
    for (int tries = 0; tries < 4 && many != few; ++tries) many = AllocationsOf(2000, make_operation(), GetParam());
    EXPECT_EQ(few, many);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, IngestAllocation, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& param_info) { return std::string(ReadPathName(param_info.param)); });

}  // namespace
}  // namespace penstock
