// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What it costs to build an entry of io_uring's submission queue: an NVMe command beside the baseline, a plain READ_FIXED.
#include <benchmark/benchmark.h>
#include <liburing.h>

#include <cstddef>
#include <vector>

#include "driver/nvme_command.h"

namespace penstock::driver {
namespace {

constexpr uint32_t kReadBytes = 4096;
constexpr size_t kEntries = 128;  // of a ring at depth 128: they are written in turn, as a ring's are

NvmeNamespace SomeNamespace() {
  NvmeNamespace space;
  space.id = 1;
  space.block_bytes = 512;
  space.block_count = uint64_t{1} << 32;
  return space;
}

void BM_NvmeCommandBuild(benchmark::State& state) {
  std::vector<io_uring_sqe> entries(2 * kEntries);  // of 128 bytes each
  std::vector<std::byte> memory(kReadBytes);
  const NvmeNamespace space = SomeNamespace();
  uint64_t count = 0;
  for (auto _ : state) {
    io_uring_sqe& entry = entries[2 * (count % kEntries)];
    PrepareCommand(entry, 3, MakeCommand(Direction::kRead, space, {count * kReadBytes, kReadBytes}, memory.data()), 0);
    benchmark::DoNotOptimize(entry);
    ++count;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_NvmeCommandBuild);

void BM_ReadFixedBuild(benchmark::State& state) {
  std::vector<io_uring_sqe> entries(kEntries);
  std::vector<std::byte> memory(kReadBytes);
  uint64_t count = 0;
  for (auto _ : state) {
    io_uring_sqe& entry = entries[count % kEntries];
    io_uring_prep_read_fixed(&entry, 3, memory.data(), kReadBytes, count * kReadBytes, 0);
    benchmark::DoNotOptimize(entry);
    ++count;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ReadFixedBuild);

}  // namespace
}  // namespace penstock::driver
