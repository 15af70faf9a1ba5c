// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <bit>
#include <memory>
#include <optional>
#include <utility>

#include "benchmarks/io_latency/runs.h"
#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"

namespace penstock::io_latency {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

/// Each read is a source of one chunk, since a source is read from its beginning to its end. The pump reads ahead across their
/// borders.
class RandomFeed final : public PumpFeed {
 public:
  RandomFeed(const PumpSource& source, absl::Span<const uint64_t> offsets) : source_(source), offsets_(offsets) {}

  uint32_t inlet_count() const override { return 1; }
  std::optional<PumpSource> Next(uint32_t /*inlet*/) override {
    if (next_ == offsets_.size()) return std::nullopt;
    PumpSource source = source_;
    source.index = static_cast<uint32_t>(next_);
    source.offset_bytes = offsets_[next_++];
    return source;
  }
  void End(PumpSourceEnd /*end*/) override {}  // The outcome has the first error.

 private:
  const PumpSource source_;
  const absl::Span<const uint64_t> offsets_;
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<PumpedRun> RunPumped(const Options& options, const Volume& volume, absl::Span<const uint64_t> offsets) {
  // Reads in flight and, as many again, chunks that have landed: as Ingest.
  const uint32_t buffers = 2 * options.depth;
  PENSTOCK_ASSIGN_OR_RETURN(const BufferPool pool, BufferPool::Create({options.read_bytes, buffers}));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<ReadQueue> queue, OpenReadQueue(options.path, pool, {.depth = options.depth}));
  queue->Attach(volume);
  Reader reader(*queue, {.depth = options.depth});
  CpuDeviceOptions device_options;
  device_options.workgroups = options.workgroups;
  device_options.ring.slot_counts = {1, 1, std::bit_ceil(buffers), 1, 1};
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, MakeCpuDevice<>(device_options));
  PENSTOCK_ASSIGN_OR_RETURN(const u32 handle, device->RegisterBuffer(pool.memory(), layout::kBufferRead));
  const std::unique_ptr<Operation> operation = MakeNoOperation();
  PENSTOCK_RETURN_IF_ERROR(operation->Prepare(*device, buffers));
  PENSTOCK_RETURN_IF_ERROR(device->Start());
  RandomFeed feed({.volume = &volume, .reader = &reader, .length_bytes = options.read_bytes, .depth = options.depth}, offsets);
  const uint64_t begin_ns = MonotonicNs();
  const PumpOutcome outcome = RunPump({device.get(), &pool, handle, operation.get()}, {.chunk_bytes = options.read_bytes}, feed);
  const uint64_t end_ns = MonotonicNs();
  const absl::Status stopped = device->Stop(kPatience);
  PENSTOCK_RETURN_IF_ERROR(outcome.status);
  PENSTOCK_RETURN_IF_ERROR(stopped);
  return PumpedRun{static_cast<double>(end_ns - begin_ns) * 1e-9, outcome.statistics};
}

}  // namespace penstock::io_latency
