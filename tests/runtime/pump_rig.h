// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pump over files whose reads misbehave as a script says, into a real CPU device.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "penstock/pump.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"
#include "tests/hip/cpu_session.h"

namespace penstock {

/// CRC-32C of the first `bytes` of every test file.
inline u32 PatternCrc(size_t bytes) {
  const std::vector<std::byte> pattern = Pattern(0, bytes);
  return device::ExtendCrc32c(0, reinterpret_cast<const u8*>(pattern.data()), pattern.size());
}

struct PumpRigOptions {
  fakes::FakeReadQueue::Options queue = {};
  u32 chunk_bytes = 4096;
  u32 buffer_count = 8;
  u32 depth = 4;
  u32 ring_slots = 16;
  absl::Duration read_timeout = absl::Seconds(20);
  std::unique_ptr<Device> (*make_device)(const CpuDeviceOptions&) = MakeDevice<>;
};

class PumpRig final : public PumpFeed {
 public:
  explicit PumpRig(const PumpRigOptions& options = {}, std::unique_ptr<Operation> operation = MakeCrc32cOperation())
      : options_(options),
        queue(options.queue),
        reader_(queue, {.depth = options.depth, .read_timeout = options.read_timeout}),
        pool_(*BufferPool::Create({options.chunk_bytes, options.buffer_count})),
        operation_(std::move(operation)) {
    CpuDeviceOptions device_options;
    device_options.ring.slot_counts = {1, 1, options.ring_slots, 1, 1};
    device = options.make_device(device_options);
    handle_ = *device->RegisterBuffer(pool_.memory(), layout::kBufferRead);
    EXPECT_TRUE(operation_->Prepare(*device, options.buffer_count).ok());
  }

  void AddFile(size_t bytes) {
    files.emplace_back(bytes);
    volumes_.push_back(files.back().Open());
  }

  PumpOutcome Run(PumpOptions options = {}) {
    options.chunk_bytes = options_.chunk_bytes;
    EXPECT_TRUE(device->Start().ok());
    PumpOutcome outcome = RunPump({device.get(), &pool_, handle_, operation_.get()}, options, *this);
    EXPECT_EQ(queue.in_flight(), 0u) << "reads were left behind";
    EXPECT_EQ(ends.size(), asked_) << "a source was begun and not ended";
    if (stop_device) {
      EXPECT_TRUE(device->Stop(kPatience).ok());
    }
    return outcome;
  }

  std::optional<PumpSource> Next() override {
    if (asked_ == files.size()) return std::nullopt;
    const u32 index = asked_++;
    return PumpSource{index, &volumes_[index], &reader_, volumes_[index].size_bytes()};
  }
  void End(PumpSourceEnd end) override { ends.push_back(std::move(end)); }

  /// Everything arrived, once, in order.
  void ExpectAllWell(const PumpOutcome& outcome) const {
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    ASSERT_EQ(ends.size(), volumes_.size());
    for (const PumpSourceEnd& end : ends) {
      EXPECT_TRUE(end.status.ok()) << end.status;
      EXPECT_EQ(end.bytes, volumes_[end.index].size_bytes());
      EXPECT_EQ(end.result.crc32c, PatternCrc(end.bytes)) << "source " << end.index;
    }
  }

 private:
  const PumpRigOptions options_;

 public:
  fakes::FakeReadQueue queue;
  std::deque<TempFile> files;
  std::vector<PumpSourceEnd> ends;
  std::unique_ptr<Device> device;
  bool stop_device = true;

 private:
  Reader reader_;
  BufferPool pool_;
  std::unique_ptr<Operation> operation_;
  std::deque<Volume> volumes_;
  u32 handle_ = 0;
  u32 asked_ = 0;
};

}  // namespace penstock
