// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Several inlets of one pump: each at its own speed, with its own errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "penstock/error.h"
#include "penstock/pump.h"
#include "tests/runtime/pump_rig.h"
#include "tests/runtime/test_operations.h"
#include "tests/runtime/text_model.h"

namespace penstock {
namespace {

using fakes::Fault;
using fakes::FaultKind;
using testing::AllOf;
using testing::HasSubstr;

constexpr size_t kChunk = 4096;

/// Raw reads so far of the volume that source `index` of the rig reads.
size_t ReadsOf(const PumpRig& rig, u32 index) {
  size_t reads = 0;
  for (const auto& queue : rig.queues) {
    reads += static_cast<size_t>(std::count_if(queue.reads().begin(), queue.reads().end(), [&](const RawRead& read) {
      return read.volume->name() == rig.files[index].path();
    }));
  }
  return reads;
}

/// Sets `cancel` a while later, from another thread.
std::thread CancelLater(std::atomic<bool>& cancel) {
  return std::thread([&cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel = true;
  });
}

/// Inlets with a queue each, and inlets with one queue in common.
class PumpInlets : public testing::TestWithParam<bool> {
 protected:
  PumpRigOptions Inlets(u32 count, u32 buffer_count) const {
    return {.buffer_count = buffer_count, .inlet_count = count, .inlets_share_queue = GetParam()};
  }
};
INSTANTIATE_TEST_SUITE_P(Queues, PumpInlets, testing::Bool(),
                         [](const auto& param_info) { return std::string(param_info.param ? "InCommon" : "OneEach"); });

TEST_P(PumpInlets, ReadSourcesOfDifferentInletsSideBySide) {
  PumpRig rig(Inlets(3, 24));
  for (u32 inlet = 0; inlet < 3; ++inlet) {
    for (size_t bytes : {0, 1, 4095, 4097, 12345, 100'000}) rig.AddFile(bytes + inlet, {.inlet = inlet});
  }
  rig.ExpectAllWell(rig.Run());
  const auto inlet_of = [](const PumpSourceEnd& end) { return end.index / 6; };
  for (u32 inlet = 0; inlet < 3; ++inlet) {
    u32 next = inlet * 6;
    for (const PumpSourceEnd& end : rig.ends) {
      if (inlet_of(end) == inlet) {
        EXPECT_EQ(end.index, next++) << "in an inlet sources end in their order";
      }
    }
  }
}

TEST_P(PumpInlets, DoNotWaitForOneWhoseReadIsStuck) {
  PumpRig rig(Inlets(2, 16));
  rig.AddFile(100 * kChunk, {.inlet = 0, .offset = 50 * kChunk});
  for (size_t chunks : {30, 0, 70}) rig.AddFile(chunks * kChunk, {.inlet = 1, .offset = 0});
  rig.queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 80 * kChunk});
  std::atomic<bool> cancel = false;
  rig.on_end = [&](const PumpSourceEnd& end) { cancel = end.index == 3; };  // only then is the stuck read let go
  const PumpOutcome outcome = rig.Run({.cancel = &cancel});
  ASSERT_EQ(rig.ends.size(), 4u);
  EXPECT_EQ(rig.ends.back().index, 0u);
  EXPECT_EQ(rig.EndOf(0).status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(rig.EndOf(0).bytes, 30 * kChunk);
  for (u32 index : {1, 2, 3}) rig.ExpectWell(index);
}

TEST_P(PumpInlets, HaveADepthEach) {
  PumpRigOptions options = Inlets(3, 32);
  options.inlet_depths = {2, 5, 1};
  PumpRig rig(options);
  for (u32 inlet = 0; inlet < 3; ++inlet) rig.AddFile(100 * kChunk, {.inlet = inlet});
  for (fakes::FakeReadQueue& queue : rig.queues) queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .times = 1000});
  std::atomic<bool> cancel = false;
  std::thread canceller = CancelLater(cancel);
  EXPECT_EQ(rig.Run({.cancel = &cancel}).status.code(), absl::StatusCode::kCancelled);
  canceller.join();
  EXPECT_EQ(ReadsOf(rig, 0), 2u);
  EXPECT_EQ(ReadsOf(rig, 1), 5u);
  EXPECT_EQ(ReadsOf(rig, 2), 1u);
}

TEST_P(PumpInlets, ShareASmallPoolEquallyAndTakeOverWhatAnEndedOneLeaves) {
  PumpRigOptions options = Inlets(2, 8);
  options.read_timeout = absl::Milliseconds(200);
  PumpRig rig(options);
  rig.AddFile(100 * kChunk, {.inlet = 0, .offset = 50 * kChunk});
  rig.AddFile(40 * kChunk, {.inlet = 1, .offset = 0});
  rig.queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 50 * kChunk});
  size_t reads_behind_the_stuck_one = 0;
  rig.on_end = [&](const PumpSourceEnd& end) {
    if (end.index == 1) reads_behind_the_stuck_one = ReadsOf(rig, 0);
  };
  EXPECT_EQ(rig.Run().status.code(), absl::StatusCode::kDeadlineExceeded);
  rig.ExpectWell(1);
  EXPECT_EQ(reads_behind_the_stuck_one, 4u);
  EXPECT_EQ(ReadsOf(rig, 0), 8u);
}

/// When the first of the sources, all alike, ends: how many chunks the one that is furthest behind has read.
size_t SlowestWhenTheFirstEnds(const PumpRigOptions& options, size_t chunks) {
  PumpRig rig(options);
  for (u32 inlet = 0; inlet < options.inlet_count; ++inlet) rig.AddFile(chunks * kChunk, {.inlet = inlet});
  size_t slowest = chunks;
  rig.on_end = [&](const PumpSourceEnd&) {
    for (u32 index = 0; rig.ends.empty() && index < options.inlet_count; ++index)
      slowest = std::min(slowest, ReadsOf(rig, index));
  };
  rig.ExpectAllWell(rig.Run());
  return slowest;
}

TEST_P(PumpInlets, TakeTurnsWithFewerBuffersThanInlets) { EXPECT_GT(SlowestWhenTheFirstEnds(Inlets(5, 2), 60), 40u); }

TEST_P(PumpInlets, TakeTurnsAtARingOfOneSlot) {
  PumpRigOptions options = Inlets(3, 24);
  options.ring_slots = 1;
  EXPECT_GT(SlowestWhenTheFirstEnds(options, 60), 40u);
}

TEST_P(PumpInlets, AreRightInAnyOrderAndAtAnySpeed) {
  for (u32 seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const auto draw = [&random](u32 below) { return static_cast<u32>(random() % below); };
    PumpRigOptions options = Inlets(4, 4 + draw(40));
    options.queue = {.shuffle = true, .seed = seed};
    options.inlet_depths = {1 + draw(2), 3, 4, 8};
    options.ring_slots = 1u << draw(5);
    PumpRig rig(options);
    for (int i = 0; i < 12; ++i) {
      const size_t bytes = 1 + draw(60'000);
      const uint64_t offset = random() % bytes;
      rig.AddFile(bytes, {.inlet = draw(4), .offset = offset, .length = random() % (bytes - offset + 1)});
    }
    for (fakes::FakeReadQueue& queue : rig.queues) {
      queue.Inject({FaultKind::kLate, 1 + draw(5), Fault::kAnyOffset, draw(40)});
      queue.Inject({FaultKind::kShort, 1 + draw(4095), Fault::kAnyOffset, 3});
      queue.Inject({FaultKind::kError, EINTR, Fault::kAnyOffset, 3});
      queue.RefuseNext(draw(4));
    }
    rig.ExpectAllWell(rig.Run());
  }
}

TEST_P(PumpInlets, FoldEachSourceForItself) {
  const std::vector<std::string> patterns = {"aab", "aa", "abaab"};
  PumpRigOptions options = Inlets(3, 24);
  options.queue = {.shuffle = true};
  PumpRig rig(options, *MakeMatchOperation(patterns));
  // No two runs of the automaton meet in these, so that nearly every chunk is repaired while others' are.
  const std::string texts[] = {Repeat("a", 50'001), Repeat("aab", 70'002), Repeat("abaaba", 60'003)};
  for (u32 i = 0; i < 3; ++i) {
    rig.AddFile(texts[i].size(), {.inlet = i});
    rig.files[i].Write(texts[i]);
  }
  EXPECT_TRUE(rig.Run().status.ok());
  for (u32 i = 0; i < 3; ++i) EXPECT_EQ(rig.EndOf(i).result.matches, NaiveMatches(texts[i], patterns));
}

TEST_P(PumpInlets, LeaveAnErrorToTheSourceThatHasIt) {
  PumpRig rig(Inlets(2, 16));
  rig.AddFile(40 * kChunk, {.inlet = 0});
  rig.AddFile(50 * kChunk, {.inlet = 1, .offset = 45 * kChunk});
  rig.AddFile(5 * kChunk, {.inlet = 0});
  rig.queue.Inject({FaultKind::kError, EIO, 17 * kChunk, 1000});
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(ErrnoOf(outcome.status), EIO);
  EXPECT_EQ(rig.EndOf(0).bytes, 17 * kChunk);
  EXPECT_EQ(rig.EndOf(0).status, outcome.status);
  rig.ExpectWell(1);
  rig.ExpectWell(2);
}

TEST_P(PumpInlets, LeaveNothingInFlightWhenTheRunIsCancelled) {
  PumpRig rig(Inlets(3, 24));
  for (u32 inlet = 0; inlet < 3; ++inlet) {
    for (int i = 0; i < 2; ++i) rig.AddFile(500 * kChunk, {.inlet = inlet});
  }
  for (fakes::FakeReadQueue& queue : rig.queues) {
    queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 20 * kChunk, .times = 3});
  }
  std::atomic<bool> cancel = false;
  std::thread canceller = CancelLater(cancel);
  const PumpOutcome outcome = rig.Run({.cancel = &cancel});
  canceller.join();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(outcome.memory_in_use);
  ASSERT_EQ(rig.ends.size(), 3u) << "no second source is asked for";
  for (const PumpSourceEnd& end : rig.ends) {
    EXPECT_EQ(end.status.code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(end.result.crc32c, PatternCrc(end.bytes)) << "what was consumed is right";
  }
}

TEST_P(PumpInlets, AllEndWhenAQueueBreaks) {
  PumpRig rig(Inlets(3, 24));
  for (u32 inlet = 0; inlet < 3; ++inlet) rig.AddFile(100 * kChunk, {.inlet = inlet});
  rig.queues.back().InjectCompletion({.user_data = ~uint64_t{0}, .result = 4096});  // belongs to no read
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(outcome.memory_in_use);
  ASSERT_EQ(rig.ends.size(), 3u);
  for (const PumpSourceEnd& end : rig.ends) EXPECT_EQ(end.status.code(), absl::StatusCode::kInternal);
}

TEST_P(PumpInlets, AllEndWhenASlotNeverDoesThoughAnotherReadsOn) {
  Hang::released = false;
  PumpRigOptions options = Inlets(2, 16);
  options.make_device = MakeDevice<device::Program<Hang>>;
  PumpRig rig(options, std::make_unique<HangingOperation>());
  rig.AddFile(10 * kChunk, {.inlet = 0});
  rig.AddFile(100 * kChunk, {.inlet = 1, .offset = 50 * kChunk});
  for (fakes::FakeReadQueue& queue : rig.queues) {
    queue.Inject({.kind = FaultKind::kStuckUntilCancelled, .offset_bytes = 50 * kChunk});
  }
  rig.stop_device = false;
  const PumpOutcome outcome = rig.Run({.slot_timeout = absl::Milliseconds(150), .drain_timeout = absl::Milliseconds(50)});
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded) << outcome.status;
  EXPECT_THAT(std::string(outcome.status.message()), AllOf(HasSubstr("held up"), HasSubstr("Fix: ")));
  EXPECT_TRUE(outcome.memory_in_use);
  EXPECT_EQ(rig.ends.size(), 2u);
  Hang::released = true;
  EXPECT_TRUE(rig.device->Stop(kPatience).ok());
}

TEST(Pump, EndsAtOnceWithoutAnInlet) {
  class NoInlet final : public PumpFeed {
    uint32_t inlet_count() const override { return 0; }
    std::optional<PumpSource> Next(uint32_t) override { return std::nullopt; }
    void End(PumpSourceEnd) override {}
  };
  NoInlet feed;
  const auto device = MakeDevice();
  const auto pool = BufferPool::Create({kChunk, 1});
  const auto operation = MakeNoOperation();
  EXPECT_TRUE(RunPump({device.get(), &*pool, 0, operation.get()}, {.chunk_bytes = kChunk}, feed).status.ok());
}

}  // namespace
}  // namespace penstock
