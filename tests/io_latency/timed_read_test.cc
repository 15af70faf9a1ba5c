// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The handler that notes its times, beside a service that is played; and whole runs, of a file.
#include "benchmarks/io_latency/timed_read.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "benchmarks/io_latency/runs.h"
#include "penstock/clock.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_io_service.h"
#include "tests/hip/device_session.h"

namespace penstock::io_latency {
namespace {

using layout::FaultReason;
using layout::IoCause;

constexpr u32 kSource = 71;
constexpr u32 kDestination = 72;
constexpr u32 kReadBytes = 4096;

class TimedReads : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    CpuDeviceOptions options = OptionsFor(GetParam());
    options.io_queues = 1;
    device_ = MakeDevice<TimedProgram>(options);
    for (size_t i = 0; i < rows_.size(); ++i) rows_[i].offset_bytes = i * 3 * kReadBytes;
    handle_ = *device_->RegisterBuffer({reinterpret_cast<std::byte*>(rows_.data()), rows_.size() * sizeof(TimedRow)},
                                       layout::kBufferRead | layout::kBufferWrite);
    service_.emplace(device_->io_queues());
    ASSERT_TRUE(device_->Start().ok());
  }
  void TearDown() override { EXPECT_TRUE(device_->Stop(kPatience).ok()); }

  Ticket PublishSlot(u32 row_count) {
    return Publish(*device_, MakeWork(TimedRead::kOpcode, {handle_, row_count, kSource, kDestination, kReadBytes, 0}));
  }

  std::vector<TimedRow> rows_ = std::vector<TimedRow>(8);
  u32 handle_ = 0;
  std::unique_ptr<Device> device_;
  std::optional<fakes::FakeIoService> service_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, TimedReads, testing::Values(Shape{1, 1}, Shape{2, 1}, Shape{2, 4}), ShapeName);

TEST_P(TimedReads, AskForEveryRowOnceAndItsTimesAddUp) {
  const Ticket first = PublishSlot(8);
  const Ticket second = PublishSlot(8);
  std::vector<u32> tags;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const auto taken = service_->Take();
    IoRequestTimes times = {.taken_ns = MonotonicNs()};
    const u32 tag = taken.request.tag;
    ASSERT_LT(tag, rows_.size());
    EXPECT_EQ(taken.request.op_type, layout::kIoRead);
    EXPECT_EQ(taken.request.source_handle, kSource);
    EXPECT_EQ(taken.request.destination_handle, kDestination);
    EXPECT_EQ(taken.request.offset_bytes, rows_[tag].offset_bytes);
    EXPECT_EQ(taken.request.byte_count, kReadBytes);
    tags.push_back(tag);
    times.started_ns = MonotonicNs();
    times.reaped_ns = MonotonicNs();
    times.told_ns = MonotonicNs();
    service_->End(taken, {0, kReadBytes});
    while (layout::LoadRelaxed<layout::Scope::kSystem>(&rows_[tag].resumed_ticks) == 0) std::this_thread::yield();
    const u64 requested_ns = layout::LoadRelaxed<layout::Scope::kSystem>(&rows_[tag].requested_ticks);
    const u64 resumed_ns = layout::LoadRelaxed<layout::Scope::kSystem>(&rows_[tag].resumed_ticks);
    const auto split = SplitOf({requested_ns, times, resumed_ns});
    ASSERT_TRUE(split.has_value()) << "row " << tag;
    EXPECT_EQ(split->total_ns(), resumed_ns - requested_ns);
    EXPECT_GT(split->total_ns(), 0u);
  }
  EXPECT_EQ(ResultOf(WaitFor(*device_, first)) + ResultOf(WaitFor(*device_, second)), rows_.size());
  std::sort(tags.begin(), tags.end());
  for (u32 i = 0; i < tags.size(); ++i) EXPECT_EQ(tags[i], i);
}

TEST_P(TimedReads, EndAsFaultIfAReadFailsOrComesShort) {
  const Ticket failed = PublishSlot(8);
  service_->End(service_->Take(), {static_cast<u32>(IoCause::kMedium), 0});
  ExpectFault(WaitFor(*device_, failed), FaultReason::kIoFailed, static_cast<u32>(IoCause::kMedium));
  const Ticket cut_off = PublishSlot(8);
  service_->End(service_->Take(), {0, kReadBytes - 1});
  ExpectFault(WaitFor(*device_, cut_off), FaultReason::kIoFailed, 0);
  EXPECT_EQ(rows_[0].resumed_ticks, 0u);
  EXPECT_EQ(rows_[1].resumed_ticks, 0u);
}

TEST_P(TimedReads, KeepWithinTheirList) {
  ExpectFault(WaitFor(*device_, PublishSlot(9)), FaultReason::kOutOfRange, 0);
  ExpectFault(WaitFor(*device_, PublishSlot(~0u)), FaultReason::kBadArgument, 1);
  EXPECT_EQ(ResultOf(WaitFor(*device_, PublishSlot(0))), 0u);
}

// --- whole runs ---

Options SmallRun(const TempFile& file) {
  return {.volume = file.path(), .read_bytes = 8192, .depth = 70, .requests = 500, .path = ReadPath::kPread};
}

TEST(RandomOffsets, AreMultiplesOfTheSizeWithinTheVolumeAndTheSameForASeed) {
  const TempFile file(100'000);
  const Volume volume = file.Open();
  Options options = SmallRun(file);
  const auto offsets = RandomOffsets(options, volume);
  ASSERT_TRUE(offsets.ok()) << offsets.status();
  ASSERT_EQ(offsets->size(), options.requests);
  for (const uint64_t offset : *offsets) {
    EXPECT_EQ(offset % 8192, 0u);
    EXPECT_LE(offset + 8192, 100'000u);
  }
  EXPECT_EQ(*RandomOffsets(options, volume), *offsets);
  options.seed = 2;
  EXPECT_NE(*RandomOffsets(options, volume), *offsets);
  options.read_bytes = 1u << 20;
  EXPECT_EQ(RandomOffsets(options, volume).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(Runs, ReadEveryOffsetOnceThroughMoreThanOneQueue) {
  const TempFile file(1u << 20);
  const Volume volume = file.Open();
  const Options options = SmallRun(file);
  const std::vector<uint64_t> offsets = *RandomOffsets(options, volume);
  const auto kernel = RunKernel(options, volume, offsets);
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  EXPECT_EQ(kernel->splits.size(), offsets.size());
  EXPECT_GT(kernel->seconds, 0);
  for (const LatencySplit& split : kernel->splits) ASSERT_GT(split.device_io_ns, 0u);
  const auto pumped = RunPumped(options, volume, offsets);
  ASSERT_TRUE(pumped.ok()) << pumped.status();
  EXPECT_EQ(pumped->statistics.chunks, offsets.size());
  EXPECT_EQ(pumped->statistics.bytes, offsets.size() * 8192u);
}

TEST(Runs, SayWhatWentWrong) {
  TempFile file(1u << 20);
  const Volume volume = file.Open();
  const Options options = SmallRun(file);
  const std::vector<uint64_t> offsets = *RandomOffsets(options, volume);
  file.Resize(4096);
  EXPECT_FALSE(RunKernel(options, volume, offsets).ok());
  EXPECT_FALSE(RunPumped(options, volume, offsets).ok());
}

}  // namespace
}  // namespace penstock::io_latency
