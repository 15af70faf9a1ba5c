// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a volume by one path, over and over, and prints what a read costs: the ingest driver alone, with no ring and no device.
#include <sys/resource.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"

namespace penstock {
namespace {

constexpr char kUsage[] = "usage: read_rate VOLUME bar|nvme|read|pread CHUNK_BYTES DEPTH SECONDS [PCI_ADDRESS]\n";

struct Options {
  std::string volume;
  ReadPath path = ReadPath::kPread;
  uint32_t chunk_bytes = 0;
  uint32_t depth = 0;
  double seconds = 0;
  std::string peer_memory;
};

bool Parse(const std::vector<std::string>& words, Options& options) {
  if (words.size() != 5 && words.size() != 6) return false;
  const std::optional<ReadPath> path = ReadPathNamed(words[1]);
  options.volume = words[0];
  options.path = path.value_or(ReadPath::kPread);
  if (words.size() == 6) options.peer_memory = words[5];
  return path.has_value() && absl::SimpleAtoi(words[2], &options.chunk_bytes) && absl::SimpleAtoi(words[3], &options.depth) &&
         absl::SimpleAtod(words[4], &options.seconds) && options.depth > 0 && options.chunk_bytes > 0;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Keeps `depth` reads in flight, one chunk after the other and from the start again, for that long. Returns how many ended.
absl::StatusOr<uint64_t> ReadFor(double seconds, Reader& reader, const Volume& volume, const BufferPool& pool) {
  std::vector<ChunkResult> results(pool.buffer_count());
  std::vector<uint32_t> free_buffers;
  for (uint32_t i = 0; i < pool.buffer_count(); ++i) free_buffers.push_back(i);
  const uint64_t end_ns = MonotonicNs() + static_cast<uint64_t>(seconds * 1e9);
  uint64_t reads = 0;
  uint64_t offset = 0;
  while (MonotonicNs() < end_ns) {
    for (; !free_buffers.empty(); free_buffers.pop_back(), offset += pool.buffer_bytes()) {
      if (offset + pool.buffer_bytes() > volume.size_bytes()) offset = 0;
      PENSTOCK_RETURN_IF_ERROR(reader.Start({.tag = free_buffers.back(),
                                             .volume = &volume,
                                             .offset_bytes = offset,
                                             .length_bytes = static_cast<uint32_t>(pool.buffer_bytes()),
                                             .destination = pool.buffer(free_buffers.back())}));
    }
    PENSTOCK_ASSIGN_OR_RETURN(const size_t count, reader.Wait(absl::MakeSpan(results), absl::Seconds(1)));
    for (size_t i = 0; i < count; ++i) {
      PENSTOCK_RETURN_IF_ERROR(results[i].status);
      free_buffers.push_back(static_cast<uint32_t>(results[i].tag));
    }
    reads += count;
  }
  return reads;
}

absl::Status Run(const Options& options) {
  PENSTOCK_ASSIGN_OR_RETURN(const Volume volume, Volume::Open(options.volume));
  const BufferPoolMaker make_pool =
      options.peer_memory.empty() ? BufferPoolMaker(BufferPool::Create) : PeerMemoryPools(options.peer_memory);
  PENSTOCK_ASSIGN_OR_RETURN(const BufferPool pool, make_pool({options.chunk_bytes, options.depth}));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<ReadQueue> queue, OpenReadQueue(options.path, pool, {.depth = options.depth}));
  queue->Attach(volume);
  Reader reader(*queue, {.depth = options.depth});
  PENSTOCK_RETURN_IF_ERROR(ReadFor(options.seconds / 10, reader, volume, pool).status());  // to warm up
  PENSTOCK_RETURN_IF_ERROR(reader.Drain(absl::Seconds(10)));
  const uint64_t begin_ns = MonotonicNs();
  const double begin_cpu = CpuSeconds();
  PENSTOCK_ASSIGN_OR_RETURN(const uint64_t reads, ReadFor(options.seconds, reader, volume, pool));
  absl::PrintF("{\"reads\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", reads,
               static_cast<double>(MonotonicNs() - begin_ns) * 1e-9, CpuSeconds() - begin_cpu);
  return reader.Drain(absl::Seconds(10));
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  penstock::Options options;
  if (!penstock::Parse({argv + 1, argv + argc}, options)) {
    std::fputs(penstock::kUsage, stderr);
    return 2;
  }
  const absl::Status status = penstock::Run(options);
  if (!status.ok()) std::fprintf(stderr, "read_rate: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
