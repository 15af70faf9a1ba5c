// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the data handlers make of the link: bytes a second out of pinned memory, and into it, with a ring that is never empty. The
// baseline is the copy of the same bytes in the same pieces by hipMemcpyAsync. Every result is checked.
//
// gpu_handler_benchmark [--device=cpu] [--workgroups=N,N,...] [options of Google Benchmark]
#include <benchmark/benchmark.h>
#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "benchmarks/gpu/bench_device.h"
#include "benchmarks/gpu/gpu_run.h"
#include "penstock/automaton.h"
#include "penstock/buffer_pool.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

using layout::Priority;

constexpr u32 kRingSlots = 256;
constexpr u32 kChunkBytes[] = {64u << 10, 256u << 10, 1u << 20, 4u << 20};
constexpr u32 kPatternBytes = 4096;
const std::vector<std::string> kPatterns = {"error", "warning", "timeout", "GET /", "POST /"};

Target target = Target::kGpu;

/// Small enough for a machine to try it out on, or larger than any cache.
u64 WindowBytes() { return target == Target::kGpu ? 256u << 20 : 16u << 20; }

/// Memory that the benchmark hands to every device, and what is known of it.
class Memory {
 public:
  Memory()
      : source_(Pool(WindowBytes())),
        sink_(Pool(WindowBytes())),
        pattern_(Pool(kPatternBytes)),
        counts_(Pool(kRingSlots * layout::kHistogramBytes)) {
    std::mt19937_64 random(1);
    u64* words = reinterpret_cast<u64*>(source().data());
    for (u64 i = 0; i < WindowBytes() / sizeof(u64); ++i) words[i] = random() & 0x7F7F7F7F7F7F7F7Full;
    std::memcpy(pattern().data(), words, kPatternBytes);
    if (target == Target::kGpu) {
      pinned_ = std::make_unique<PinnedArray<std::byte>>(WindowBytes());
      far_array_ = std::make_unique<DeviceArray<std::byte>>(WindowBytes());
    } else {
      far_bytes_.resize(WindowBytes());
    }
  }

  absl::Span<std::byte> source() const { return source_.memory(); }  // random bytes below 128
  absl::Span<std::byte> sink() const { return sink_.memory(); }
  absl::Span<std::byte> pattern() const { return pattern_.memory(); }
  absl::Span<std::byte> counts() const { return counts_.memory(); }
  /// As the runtime library allocates it: for copies. Requires: target is the GPU.
  std::byte* pinned() { return pinned_->host(); }
  /// Memory of the device.
  absl::Span<std::byte> far() {
    if (far_array_ == nullptr) return absl::MakeSpan(far_bytes_);
    return {far_array_->device(), WindowBytes()};
  }

  u32 Crc32c(const layout::Range& range) {
    u32& crc = crcs_[{range.offset_bytes, range.length_bytes}];
    const u8* bytes = reinterpret_cast<const u8*>(source().data() + range.offset_bytes);
    if (crc == 0) crc = ~crc32_iscsi(const_cast<u8*>(bytes), static_cast<int>(range.length_bytes), ~0u);
    return crc;
  }

 private:
  static BufferPool Pool(u64 bytes) {
    absl::StatusOr<BufferPool> pool = BufferPool::Create({bytes, 1});
    Require(pool.status(), "allocating");
    return *std::move(pool);
  }

  BufferPool source_;
  BufferPool sink_;
  BufferPool pattern_;
  BufferPool counts_;
  std::unique_ptr<PinnedArray<std::byte>> pinned_;
  std::unique_ptr<DeviceArray<std::byte>> far_array_;
  std::vector<std::byte> far_bytes_;
  std::map<std::pair<u64, u32>, u32> crcs_;
};

/// A running device with everything registered.
class RunningDevice {
 public:
  /// Errors: as MakeHipDevice.
  static absl::StatusOr<std::unique_ptr<RunningDevice>> Start(u32 workgroups, Memory& memory) {
    absl::StatusOr<std::unique_ptr<Device>> device = OpenDevice(target, workgroups, kRingSlots);
    PENSTOCK_RETURN_IF_ERROR(device.status());
    std::unique_ptr<RunningDevice> running(new RunningDevice(workgroups, *std::move(device)));
    running->RegisterAll(memory);
    Require(running->device_->Start(), "starting the device");
    return running;
  }
  ~RunningDevice() { Require(device_->Stop(kPatience), "stopping the device"); }

  u32 workgroups() const { return workgroups_; }
  LiveRing& ring() { return device_->ring(); }

  u32 source = 0;
  u32 sink = 0;
  u32 far = 0;
  u32 pattern = 0;
  u32 counts = 0;
  u32 automaton = 0;

 private:
  RunningDevice(u32 workgroups, std::unique_ptr<Device> device) : workgroups_(workgroups), device_(std::move(device)) {}
  void RegisterAll(Memory& memory) {
    source = Register(memory.source(), layout::kBufferRead);
    sink = Register(memory.sink(), layout::kBufferRead | layout::kBufferWrite);
    far = Register(memory.far(), layout::kBufferRead | layout::kBufferWrite);
    pattern = Register(memory.pattern(), layout::kBufferRead);
    counts = Register(memory.counts(), layout::kBufferWrite);
    const absl::StatusOr<u32> handle = device_->RegisterAutomaton(BuildAutomaton(kPatterns).value());
    Require(handle.status(), "registering an automaton");
    automaton = *handle;
  }
  u32 Register(absl::Span<std::byte> memory, u32 rights) {
    const absl::StatusOr<u32> handle = device_->RegisterBuffer(memory, rights);
    Require(handle.status(), "registering memory");
    return *handle;
  }

  u32 workgroups_;  // as asked for
  std::unique_ptr<Device> device_;
};

// Made by main and closed by it, the device first: nothing of a GPU may be left to the end of the process.
std::unique_ptr<Memory> memory;
std::unique_ptr<RunningDevice> running;  // one at a time: a resident kernel leaves no room for a second

/// Errors: as MakeHipDevice.
absl::Status RunWith(u32 workgroups) {
  if (running != nullptr && running->workgroups() == workgroups) return absl::OkStatus();
  running.reset();
  PENSTOCK_ASSIGN_OR_RETURN(running, RunningDevice::Start(workgroups, *memory));
  return absl::OkStatus();
}

/// One handler: the slot for a chunk, and whether its result is right.
struct Handler {
  const char* name;
  Work (*make)(const RunningDevice& device, const layout::Range& range, u32 slot);
  bool (*right)(const layout::Range& range, u64 result, u32 slot);
};

bool IsLength(const layout::Range& range, u64 result, u32) { return result == range.length_bytes; }

Work CopyWork(u32 from, u32 to, layout::Range range) {
  range.handle = from;
  Work work = RangeWork(layout::kCopy, range);
  layout::EncodeDestination({to, range.offset_bytes}, work.argument.data());
  return work;
}

Work PatternWork(u32 opcode, const RunningDevice& device, layout::Range range) {
  range.handle = device.sink;
  Work work = RangeWork(opcode, range);
  layout::EncodePattern({device.pattern, kPatternBytes, static_cast<u32>(range.offset_bytes % kPatternBytes)},
                        work.argument.data());
  return work;
}

bool CountsAdd(const layout::Range& range, u64, u32 slot) {
  u32 counts[layout::kHistogramBins];
  std::memcpy(counts, memory->counts().data() + slot * layout::kHistogramBytes, sizeof(counts));
  u64 sum = 0;
  for (const u32 count : counts) sum += count;
  return sum == range.length_bytes && counts[255] == 0;
}

// FILL comes before VERIFY, which looks at what it wrote.
const Handler kHandlers[] = {
    {"Crc32c", [](const RunningDevice&, const layout::Range& range, u32) { return RangeWork(layout::kCrc32c, range); },
     [](const layout::Range& range, u64 result, u32) { return result == memory->Crc32c(range); }},
    {"CopyToDevice",
     [](const RunningDevice& device, const layout::Range& range, u32) { return CopyWork(device.source, device.far, range); },
     IsLength},
    {"CopyToHost",
     [](const RunningDevice& device, const layout::Range& range, u32) { return CopyWork(device.far, device.sink, range); },
     IsLength},
    {"Histogram",
     [](const RunningDevice& device, const layout::Range& range, u32 slot) {
       Work work = RangeWork(layout::kHistogram, range);
       layout::EncodeDestination({device.counts, slot * u64{layout::kHistogramBytes}}, work.argument.data());
       return work;
     },
     CountsAdd},
    {"Fill",
     [](const RunningDevice& device, const layout::Range& range, u32) { return PatternWork(layout::kFill, device, range); },
     IsLength},
    {"Verify",
     [](const RunningDevice& device, const layout::Range& range, u32) { return PatternWork(layout::kVerify, device, range); },
     [](const layout::Range&, u64 result, u32) { return result == layout::kNoDifference; }},
    {"Match",
     [](const RunningDevice& device, const layout::Range& range, u32) {
       Work work = RangeWork(layout::kMatch, range);
       layout::EncodeMatch({device.automaton, 0, layout::MatchMode::kScan}, work.argument.data());
       return work;
     },
     nullptr},  // agreement with grep is the tests' to show
};

/// Publishes chunk after chunk of the window, round and round, and checks what comes back.
class ChunkStream {
 public:
  ChunkStream(RunningDevice& device, const Handler& handler, u32 chunk_bytes)
      : device_(device), handler_(handler), chunk_bytes_(chunk_bytes), chunks_(static_cast<u32>(WindowBytes() / chunk_bytes)) {}

  /// As many chunks in flight as there are slots; no two of them the same one.
  void Fill() {
    for (; published_ - reaped_ < std::min(kRingSlots, chunks_); ++published_) {
      Require(device_.ring().Publish(handler_.make(device_, RangeOf(published_), published_ % kRingSlots)).status(),
              "publishing");
    }
  }

  /// Waits for the oldest chunk.
  void ReapOne() {
    Completion completion;
    for (u64 begin = 0; !device_.ring().TryReapNext(Priority::kNormal, completion);) {
      const u64 now = static_cast<u64>(NowNs());
      if (begin == 0) begin = now;
      PENSTOCK_CHECK(now - begin < static_cast<u64>(absl::ToInt64Nanoseconds(kPatience)));
    }
    Require(completion.ToStatus(handler_.name), "a slot");
    // The first round is checked, in full; after that what is timed is the device.
    if (reaped_ < chunks_ && handler_.right != nullptr) {
      PENSTOCK_CHECK(handler_.right(RangeOf(reaped_), completion.result, reaped_ % kRingSlots));
    }
    ++reaped_;
  }

  u32 chunks() const { return chunks_; }
  u32 in_flight() const { return published_ - reaped_; }

 private:
  layout::Range RangeOf(u32 chunk) const {
    return {device_.source, static_cast<u64>(chunk % chunks_) * chunk_bytes_, chunk_bytes_};
  }

  RunningDevice& device_;
  const Handler& handler_;
  u32 chunk_bytes_;
  u32 chunks_;
  u32 published_ = 0;
  u32 reaped_ = 0;
};

// An iteration is one round through the window. The ring is as full after it as before.
void BM_Handler(benchmark::State& state, const Handler& handler, u32 workgroups, u32 chunk_bytes) {
  if (const absl::Status status = RunWith(workgroups); !status.ok()) {
    state.SkipWithError(std::string(status.message()).c_str());
    return;
  }
  ChunkStream stream(*running, handler, chunk_bytes);
  stream.Fill();
  for (u32 i = 0; i < stream.chunks(); ++i) {  // the round that is checked
    stream.ReapOne();
    stream.Fill();
  }
  for (auto _ : state) {
    for (u32 i = 0; i < stream.chunks(); ++i) {
      stream.ReapOne();
      stream.Fill();
    }
  }
  while (stream.in_flight() > 0) stream.ReapOne();
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * WindowBytes()));
}

void BM_AsyncCopy(benchmark::State& state, decltype(hipMemcpyHostToDevice) kind, u32 chunk_bytes) {
  Stream stream;
  std::byte* far = memory->far().data();
  std::byte* pinned = memory->pinned();
  const bool to_device = kind == hipMemcpyHostToDevice;
  for (auto _ : state) {
    for (u64 at = 0; at < WindowBytes(); at += chunk_bytes) {
      PENSTOCK_GPU_CALL(
          hipMemcpyAsync(to_device ? far + at : pinned + at, to_device ? pinned + at : far + at, chunk_bytes, kind, stream));
    }
    stream.Synchronize();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * WindowBytes()));
}

std::string Name(const std::string& subject, u32 workgroups, u32 chunk_bytes) {
  std::string name = "BM_" + subject;
  if (workgroups > 0) name += "/workgroups:" + std::to_string(workgroups);
  return name + "/chunk_bytes:" + std::to_string(chunk_bytes);
}

void RegisterAll(const std::vector<u32>& workgroup_counts) {
  // The copies first: nothing is resident yet.
  for (const u32 chunk_bytes : kChunkBytes) {
    if (target == Target::kCpu) break;
    benchmark::RegisterBenchmark(Name("AsyncCopyToDevice", 0, chunk_bytes).c_str(), BM_AsyncCopy, hipMemcpyHostToDevice,
                                 chunk_bytes)
        ->UseRealTime();
    benchmark::RegisterBenchmark(Name("AsyncCopyToHost", 0, chunk_bytes).c_str(), BM_AsyncCopy, hipMemcpyDeviceToHost,
                                 chunk_bytes)
        ->UseRealTime();
  }
  for (const u32 workgroups : workgroup_counts) {
    for (const Handler& handler : kHandlers) {
      for (const u32 chunk_bytes : kChunkBytes) {
        benchmark::RegisterBenchmark(Name(handler.name, workgroups, chunk_bytes).c_str(), BM_Handler, handler, workgroups,
                                     chunk_bytes)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace
}  // namespace penstock::bench

int main(int argc, char** argv) {
  using namespace penstock::bench;
  benchmark::Initialize(&argc, argv);
  std::vector<penstock::u32> workgroups = {8, 32, 132, 264};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--device=cpu") {
      target = Target::kCpu;
    } else if (word.substr(0, 13) == "--workgroups=") {
      workgroups = NumberList(word.substr(13));
    } else {
      std::fprintf(stderr, "gpu_handler_benchmark: no option '%s'. Fix: use --device=cpu, --workgroups=N,N,... or --help.\n",
                   argv[i]);
      return 2;
    }
  }
  memory = std::make_unique<Memory>();
  RegisterAll(workgroups);
  benchmark::RunSpecifiedBenchmarks();
  running.reset();
  memory.reset();
  return 0;
}
