// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pump over files whose reads misbehave as a script says, through one inlet or several, into a real CPU device.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "penstock/pump.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"
#include "tests/hip/device_session.h"

namespace penstock {

/// CRC-32C of `bytes` from `offset` on.
inline u32 PatternCrc(uint64_t offset, size_t bytes) {
  const std::vector<std::byte> pattern = Pattern(offset, bytes);
  return device::ExtendCrc32c(0, reinterpret_cast<const u8*>(pattern.data()), pattern.size());
}
inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

/// CRC-32C of the first `bytes` of every test file.
inline u32 PatternCrc(size_t bytes) { return PatternCrc(0, bytes); }

struct PumpRigOptions {
  fakes::FakeReadQueue::Options queue = {};
  u32 chunk_bytes = 4096;
  u32 buffer_count = 8;
  u32 depth = 4;                       // of an inlet
  std::vector<u32> inlet_depths = {};  // of each, if they differ
  u32 inlet_count = 1;                 // each with a queue of its own, unless
  bool inlets_share_queue = false;     // all have the first one
  u32 ring_slots = 16;
  absl::Duration read_timeout = absl::Seconds(20);
  std::unique_ptr<Device> (*make_device)(const CpuDeviceOptions&) = MakeDevice<>;
  bool in_device_memory = false;  // the buffers are a device's memory
};

class PumpRig final : public PumpFeed {
 public:
  explicit PumpRig(const PumpRigOptions& options = {}, std::unique_ptr<Operation> operation = MakeCrc32cOperation())
      : options_(options),
        queue(AddQueues()),
        pool_(MakePool(options)),
        operation_(std::move(operation)),
        sources_(options.inlet_count),
        asked_(options.inlet_count) {
    CpuDeviceOptions device_options;
    device_options.ring.slot_counts = {1, 1, options.ring_slots, 1, 1};
    device = options.make_device(device_options);
    handle_ = *device->RegisterBuffer(pool_.memory(), layout::kBufferRead);
    EXPECT_TRUE(operation_->Prepare(*device, options.buffer_count).ok());
  }

  struct Place {
    u32 inlet = 0;
    uint64_t offset = 0;                  // of the extent
    std::optional<uint64_t> length = {};  // to the end
  };

  void AddFile(size_t bytes) { AddFile(bytes, {}); }
  void AddFile(size_t bytes, const Place& place) {
    files.emplace_back(bytes);
    volumes.push_back(files.back().Open());
    extents_.push_back({place.offset, place.length.value_or(bytes - place.offset)});
    sources_[place.inlet].push_back(static_cast<u32>(files.size() - 1));
  }

  PumpOutcome Run(PumpOptions options = {}) {
    options.chunk_bytes = options_.chunk_bytes;
    EXPECT_TRUE(device->Start().ok());
    PumpOutcome outcome = RunPump({device.get(), &pool_, handle_, operation_.get()}, options, *this);
    for (const fakes::FakeReadQueue& each : queues) EXPECT_EQ(each.in_flight(), 0u) << "reads were left behind";
    EXPECT_EQ(ends.size(), std::accumulate(asked_.begin(), asked_.end(), size_t{0})) << "a source was begun and not ended";
    if (stop_device) {
      EXPECT_TRUE(device->Stop(kPatience).ok());
    }
    return outcome;
  }

  u32 depth(u32 inlet) const { return options_.inlet_depths.empty() ? options_.depth : options_.inlet_depths[inlet]; }

  uint32_t inlet_count() const override { return options_.inlet_count; }
  std::optional<PumpSource> Next(uint32_t inlet) override {
    if (asked_[inlet] == sources_[inlet].size()) return std::nullopt;
    const u32 index = sources_[inlet][asked_[inlet]++];
    return PumpSource{.index = index,
                      .volume = &volumes[index],
                      .reader = &readers_[options_.inlets_share_queue ? 0 : inlet],
                      .offset_bytes = extents_[index].offset,
                      .length_bytes = extents_[index].length,
                      .depth = depth(inlet)};
  }
  void End(PumpSourceEnd end) override {
    if (on_end) on_end(end);
    ends.push_back(std::move(end));
  }

  /// How a source ended; it must have.
  const PumpSourceEnd& EndOf(u32 index) const {
    const auto end = std::find_if(ends.begin(), ends.end(), [&](const PumpSourceEnd& e) { return e.index == index; });
    if (end == ends.end()) ADD_FAILURE() << "source " << index << " has not ended";
    return end == ends.end() ? ends.front() : *end;
  }

  void ExpectWell(u32 index) const {
    const PumpSourceEnd& end = EndOf(index);
    const Extent& extent = extents_[index];
    EXPECT_TRUE(end.status.ok()) << end.status;
    EXPECT_EQ(end.bytes, extent.length);
    EXPECT_EQ(end.result.crc32c, PatternCrc(extent.offset, extent.length)) << "source " << index;
  }

  /// Everything arrived, once, in order.
  void ExpectAllWell(const PumpOutcome& outcome) const {
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    ASSERT_EQ(ends.size(), volumes.size());
    for (u32 index = 0; index < volumes.size(); ++index) ExpectWell(index);
  }

 private:
  struct Extent {
    uint64_t offset;
    uint64_t length;
  };

  static BufferPool MakePool(const PumpRigOptions& options) {
    const BufferPool::Options sizes = {options.chunk_bytes, options.buffer_count};
    auto host = std::make_shared<BufferPool>(*BufferPool::Create(sizes));
    if (!options.in_device_memory) return std::move(*host);
    return *BufferPool::CreateIn({.memory = host->memory(), .name = "a test's", .owner = host}, sizes);
  }

  fakes::FakeReadQueue& AddQueues() {
    const bool one = options_.inlets_share_queue;
    for (u32 inlet = 0; inlet < (one ? 1 : options_.inlet_count); ++inlet) {
      u32 reads = 0;
      for (u32 i = 0; i < options_.inlet_count; ++i) reads += one || i == inlet ? depth(i) : 0;
      readers_.emplace_back(queues.emplace_back(options_.queue),
                            Reader::Options{.depth = reads, .read_timeout = options_.read_timeout});
    }
    return queues.front();
  }

  const PumpRigOptions options_;

 public:
  std::deque<fakes::FakeReadQueue> queues;

 private:
  std::deque<Reader> readers_;

 public:
  fakes::FakeReadQueue& queue;  // the first one
  std::deque<TempFile> files;
  std::deque<Volume> volumes;  // of the files
  std::vector<PumpSourceEnd> ends;
  std::function<void(const PumpSourceEnd&)> on_end;
  std::unique_ptr<Device> device;
  bool stop_device = true;

 private:
  BufferPool pool_;
  std::unique_ptr<Operation> operation_;
  std::vector<Extent> extents_;
  std::vector<std::vector<u32>> sources_;  // by inlet
  std::vector<size_t> asked_;              // by inlet
  u32 handle_ = 0;
};

}  // namespace penstock
