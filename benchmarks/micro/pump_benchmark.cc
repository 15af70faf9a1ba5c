// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pump from end to end, on a file that is in memory already: what moving bytes through the ring costs beside the bytes.
// Baselines: a loop of pread, the same with ISA-L after each read, and ISA-L alone over the mapped file.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "penstock/cpu_device.h"
#include "penstock/ingest.h"

namespace penstock {
namespace {

constexpr size_t kFileBytes = 512u << 20;
constexpr u32 kChunkBytes = 256u << 10;

/// A file on tmpfs, made once.
class CachedFile {
 public:
  CachedFile() : path_("/dev/shm/penstock_pump_benchmark_XXXXXX"), fd_(mkstemp(path_.data())) {
    std::vector<u32> block(1u << 18);
    for (size_t written = 0; written < kFileBytes;) {
      for (u32& word : block) word = static_cast<u32>(rand());
      const ssize_t count = write(fd_, block.data(), block.size() * sizeof(u32));
      if (count <= 0) abort();
      written += static_cast<size_t>(count);
    }
  }
  ~CachedFile() {
    close(fd_);
    unlink(path_.c_str());
  }

  const std::string& path() const { return path_; }
  int fd() const { return fd_; }

 private:
  std::string path_;
  int fd_;
};

CachedFile& File() {
  static CachedFile file;
  return file;
}

void SetBytes(benchmark::State& state) { state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kFileBytes)); }

/// Every thread reads its own part of the file.
template <typename Consume>
void ReadAndConsume(benchmark::State& state, Consume consume) {
  const size_t part_bytes = kFileBytes / static_cast<size_t>(state.threads());
  const size_t begin = part_bytes * static_cast<size_t>(state.thread_index());
  std::vector<u8> buffer(kChunkBytes);
  for (auto _ : state) {
    for (size_t at = begin; at < begin + part_bytes; at += kChunkBytes) {
      if (pread(File().fd(), buffer.data(), kChunkBytes, static_cast<off_t>(at)) != kChunkBytes) abort();
      consume(buffer);
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * part_bytes));
}

void BM_PreadBaseline(benchmark::State& state) {
  ReadAndConsume(state, [](const std::vector<u8>& buffer) { benchmark::DoNotOptimize(buffer.data()); });
}

void BM_PreadAndCrc32cBaseline(benchmark::State& state) {
  u32 crc = 0;
  ReadAndConsume(state, [&](std::vector<u8>& buffer) { crc = crc32_iscsi(buffer.data(), kChunkBytes, crc); });
  benchmark::DoNotOptimize(crc);
}

void BM_MappedCrc32cBaseline(benchmark::State& state) {
  void* map = mmap(nullptr, kFileBytes, PROT_READ, MAP_SHARED | MAP_POPULATE, File().fd(), 0);
  if (map == MAP_FAILED) abort();
  for (auto _ : state) benchmark::DoNotOptimize(crc32_iscsi(static_cast<u8*>(map), kFileBytes, 0));
  munmap(map, kFileBytes);
  SetBytes(state);
}

void Pump(benchmark::State& state, std::unique_ptr<Operation> (*make_operation)()) {
  for (auto _ : state) {
    CpuDeviceOptions options;
    options.workgroups = static_cast<u32>(state.range(0));
    const std::unique_ptr<Device> device = *MakeCpuDevice<>(options);
    const std::unique_ptr<Operation> operation = make_operation();
    IngestOptions ingest;
    ingest.path = ReadPath::kPread;
    ingest.chunk_bytes = kChunkBytes;
    const auto report = Ingest(*device, {File().path()}, *operation, ingest);
    if (!report.ok() || !report->status.ok()) abort();
    state.SetIterationTime(report->seconds);
  }
  SetBytes(state);
}

void BM_PumpNone(benchmark::State& state) { Pump(state, MakeNoOperation); }
void BM_PumpCrc32c(benchmark::State& state) { Pump(state, MakeCrc32cOperation); }

BENCHMARK(BM_PreadBaseline)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_PreadAndCrc32cBaseline)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_MappedCrc32cBaseline)->UseRealTime();
BENCHMARK(BM_PumpNone)->ArgName("workgroups")->Arg(1)->UseManualTime();
BENCHMARK(BM_PumpCrc32c)->ArgName("workgroups")->Arg(1)->Arg(2)->UseManualTime();

}  // namespace
}  // namespace penstock
