// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/pump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "penstock/clock.h"
#include "penstock/error.h"
#include "tests/runtime/lost_device.h"
#include "tests/runtime/pump_rig.h"
#include "tests/runtime/test_operations.h"
#include "tests/runtime/text_model.h"

namespace penstock {
namespace {

using fakes::FaultKind;
using testing::AllOf;
using testing::HasSubstr;

TEST(Pump, FoldsFilesOfEverySizeAroundAChunkInOrder) {
  PumpRig rig;
  for (size_t bytes : {0, 1, 4095, 4096, 4097, 8191, 12345, 100'000}) rig.AddFile(bytes);
  const PumpOutcome outcome = rig.Run();
  rig.ExpectAllWell(outcome);
  for (u32 i = 0; i < rig.ends.size(); ++i) EXPECT_EQ(rig.ends[i].index, i);
  EXPECT_EQ(outcome.statistics.bytes, 0u + 1 + 4095 + 4096 + 4097 + 8191 + 12345 + 100'000);
  EXPECT_FALSE(outcome.memory_in_use);
}

TEST(Pump, PutsCompletionsInAnyOrderBackInOrder) {
  for (u32 seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    PumpRig rig({.queue = {.shuffle = true, .seed = seed}});
    rig.AddFile(300'000);
    rig.AddFile(5000);
    rig.ExpectAllWell(rig.Run());
  }
}

TEST(Pump, IsRightUnderRandomFaultsThatHeal) {
  for (u32 seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    PumpRig rig({.queue = {.shuffle = true, .seed = seed}});
    rig.AddFile(200'000 + random() % 5000);
    for (int i = 0; i < 30; ++i) {
      const uint64_t offset = random() % 48 * 4096;
      switch (random() % 4) {
        case 0: rig.queue.Inject({FaultKind::kShort, 1 + random() % 4095, offset}); break;
        case 1: rig.queue.Inject({FaultKind::kLate, 2 + random() % 5, offset}); break;
        case 2: rig.queue.Inject({FaultKind::kError, EINTR, offset}); break;
        default: rig.queue.Inject({FaultKind::kError, EAGAIN, offset}); break;
      }
    }
    rig.queue.RefuseNext(static_cast<u32>(random() % 5));
    rig.ExpectAllWell(rig.Run());
  }
}

size_t ReadsBehindAStuckOne(uint32_t buffer_count, uint32_t depth) {
  PumpRig rig({.buffer_count = buffer_count, .depth = depth, .read_timeout = absl::Milliseconds(50)});
  rig.AddFile(100 * 4096);
  rig.queue.Inject({FaultKind::kStuckUntilCancelled, 0, 0});  // nothing can be folded, so no buffer comes back
  EXPECT_EQ(rig.Run().status.code(), absl::StatusCode::kDeadlineExceeded);
  return rig.queue.reads().size();
}

TEST(Pump, ReadsAheadAsFarAsItsBuffersReachAndNotFurther) { EXPECT_EQ(ReadsBehindAStuckOne(8, 5), 8u); }

TEST(Pump, ReadsAheadTwiceTheDepthEvenWithMoreBuffers) { EXPECT_EQ(ReadsBehindAStuckOne(8, 3), 6u); }

TEST(Pump, KeepsWhatItCannotPublishAndTriesAgain) {
  // One slot in the ring, eight buffers: publishing is refused most of the time.
  PumpRig rig({.ring_slots = 1});
  rig.AddFile(200'000);
  rig.ExpectAllWell(rig.Run());
}

TEST(Pump, NamesChunkOffsetAndErrnoOfTheFirstErrorAndDrainsTheRest) {
  PumpRig rig;
  rig.AddFile(40 * 4096);
  rig.AddFile(5 * 4096);
  rig.queue.Inject({FaultKind::kError, EIO, 17 * 4096, 1000});
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ErrnoOf(outcome.status), EIO);
  EXPECT_THAT(Message(outcome.status), AllOf(HasSubstr("chunk 17 of "), HasSubstr("at offset 69632"), HasSubstr("EIO")));
  ASSERT_EQ(rig.ends.size(), 2u);
  EXPECT_EQ(rig.ends[0].bytes, 17u * 4096);
  EXPECT_EQ(rig.ends[0].result.crc32c, PatternCrc(17 * 4096));  // what came before the error is right
  EXPECT_TRUE(rig.ends[1].status.ok()) << "the next source does not suffer";
  EXPECT_EQ(rig.ends[1].result.crc32c, PatternCrc(5 * 4096));
}

TEST(Pump, ReportsTheEarliestErrorWhateverCompletesFirst) {
  PumpRig rig;
  rig.AddFile(40 * 4096);
  rig.queue.Inject({FaultKind::kLate, 8, 5 * 4096});
  rig.queue.Inject({FaultKind::kError, EIO, 6 * 4096, 1000});
  const PumpOutcome outcome = rig.Run();
  EXPECT_THAT(Message(outcome.status), HasSubstr("chunk 6 of "));
  EXPECT_EQ(rig.ends[0].bytes, 6u * 4096) << "chunk 5 came late, and counts";
}

TEST(Pump, ReportsAFileThatWasTruncatedWithItsRealLength) {
  PumpRig rig;
  rig.AddFile(40 * 4096);
  rig.files[0].Resize(10 * 4096 + 123);
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(Message(outcome.status), HasSubstr("ends at byte 41083, not at 163840"));
  EXPECT_EQ(rig.ends[0].bytes, 10u * 4096 + 123);
  EXPECT_EQ(rig.ends[0].result.crc32c, PatternCrc(10 * 4096 + 123));
}

TEST(Pump, ReadsAGrowingFileUpToTheSizeItWasOpenedWith) {
  PumpRig rig;
  rig.AddFile(5000);
  rig.files[0].Extend(20'000);
  rig.ExpectAllWell(rig.Run());
}

TEST(Pump, EndsAStuckReadAsDeadlineExceeded) {
  PumpRig rig({.read_timeout = absl::Milliseconds(50)});
  rig.AddFile(20 * 4096);
  rig.queue.Inject({FaultKind::kStuckUntilCancelled, 0, 3 * 4096});
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(outcome.status), HasSubstr("chunk 3 of "));
  EXPECT_FALSE(outcome.memory_in_use);
}

TEST(Pump, LeavesNothingInFlightWhenItIsCancelled) {
  PumpRig rig;
  rig.AddFile(1000 * 4096);
  rig.AddFile(4096);
  rig.queue.Inject({FaultKind::kStuckUntilCancelled, 0, 20 * 4096});
  std::atomic<bool> cancel = false;
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancel = true;
  });
  const PumpOutcome outcome = rig.Run({.cancel = &cancel});
  canceller.join();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(outcome.memory_in_use);
  EXPECT_EQ(rig.ends[0].result.crc32c, PatternCrc(rig.ends[0].bytes)) << "what was consumed is right";
}

TEST(Pump, GoesOnThroughInterruptedWaits) {
  PumpRig rig;
  rig.AddFile(50'000);
  rig.queue.InterruptNextWait();
  rig.ExpectAllWell(rig.Run());
}

TEST(Pump, EndsEverySourceWhenTheQueueBreaks) {
  PumpRig rig;
  rig.AddFile(50'000);
  rig.queue.InjectCompletion({.user_data = ~uint64_t{0}, .result = 4096});  // belongs to no read
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInternal);
  ASSERT_EQ(rig.ends.size(), 1u);
  EXPECT_FALSE(rig.ends[0].status.ok());
}

TEST(Pump, EndsASourceWhoseSlotFaults) {
  class Faulty final : public Operation {
   public:
    std::string_view name() const override { return "faulty"; }
    absl::Status Prepare(Device&, uint32_t) override { return absl::OkStatus(); }
    Work MakeWork(const LandedChunk& chunk) const override {
      return penstock::MakeWork(chunk.source_offset == 8192 ? 0x7000 : layout::kNop);  // nobody handles 0x7000
    }
    std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldNothing>(); }
  };
  PumpRig rig({}, std::make_unique<Faulty>());
  rig.AddFile(10 * 4096);
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(outcome.status), AllOf(HasSubstr("chunk 2 of "), HasSubstr("no handler for this opcode")));
  EXPECT_EQ(rig.ends[0].bytes, 8192u);
}

TEST(Pump, EndsASourceWhoseOperationNamesAPriorityThatThereIsNot) {
  class Misplaced final : public Operation {
   public:
    std::string_view name() const override { return "misplaced"; }
    absl::Status Prepare(Device&, uint32_t) override { return absl::OkStatus(); }
    Work MakeWork(const LandedChunk&) const override {
      return {.opcode = layout::kNop, .priority = static_cast<layout::Priority>(layout::kPriorityCount)};
    }
    std::unique_ptr<SourceFold> BeginSource() const override { return std::make_unique<FoldNothing>(); }
  };
  PumpRig rig({}, std::make_unique<Misplaced>());
  rig.AddFile(4096);
  const PumpOutcome outcome = rig.Run();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(outcome.status), HasSubstr("priority 5"));
}

TEST(Pump, GivesUpOnASlotThatNeverEndsAndSaysThatItsMemoryIsInUse) {
  Hang::released = false;
  PumpRig rig({.make_device = MakeDevice<device::Program<Hang>>}, std::make_unique<HangingOperation>());
  rig.AddFile(10 * 4096);
  rig.stop_device = false;
  const PumpOutcome outcome = rig.Run({.slot_timeout = absl::Milliseconds(150), .drain_timeout = absl::Milliseconds(50)});
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded) << outcome.status;
  EXPECT_TRUE(outcome.memory_in_use);
  EXPECT_EQ(rig.ends[0].status.code(), absl::StatusCode::kDeadlineExceeded);
  Hang::released = true;
  EXPECT_TRUE(rig.device->Stop(kPatience).ok());
}

TEST(Pump, GivesUpOnASlotThatNeverEndsAlsoWhenAnOlderChunkFindsNoRoomInTheRing) {
  Hang::released = false;
  Hang::has_begun = false;
  PumpRig rig({.depth = 2, .ring_slots = 1, .make_device = MakeDevice<device::Program<Hang>>},
              std::make_unique<HangingOperation>());
  rig.AddFile(2 * 4096);
  rig.queue.Inject({.kind = FaultKind::kHeld, .offset_bytes = 0});
  rig.stop_device = false;
  std::thread storage([&] {  // The second chunk has the ring's only slot when the first one lands.
    while (!Hang::has_begun) absl::SleepFor(absl::Milliseconds(1));
    rig.queue.Release();
  });
  const PumpOutcome outcome = rig.Run({.slot_timeout = absl::Milliseconds(150), .drain_timeout = absl::Milliseconds(50)});
  storage.join();
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded) << outcome.status;
  EXPECT_THAT(Message(outcome.status), HasSubstr("held up"));
  Hang::released = true;
  EXPECT_TRUE(rig.device->Stop(kPatience).ok());
}

/// A run whose ring is full of a slot that nobody reaps.
PumpOutcome RunBesideAnothersSlot(PumpRig& rig, const PumpOptions& options) {
  EXPECT_TRUE(rig.device->ring().Publish(MakeWork(layout::kNop)).ok());
  rig.AddFile(10 * 4096);
  return rig.Run(options);
}

TEST(Pump, EndsWhenTheRingStaysFullOfOthersSlots) {
  PumpRig rig({.ring_slots = 1});
  const PumpOutcome outcome = RunBesideAnothersSlot(rig, {.slot_timeout = absl::Milliseconds(150)});
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kDeadlineExceeded) << outcome.status;
  EXPECT_THAT(Message(outcome.status), HasSubstr("full of others' slots"));
  EXPECT_FALSE(outcome.memory_in_use) << "nothing was published";
}

TEST(Pump, CanBeCancelledWhileTheRingIsFullOfOthersSlots) {
  PumpRig rig({.ring_slots = 1});
  const std::atomic<bool> cancel = true;
  EXPECT_EQ(RunBesideAnothersSlot(rig, {.cancel = &cancel}).status.code(), absl::StatusCode::kCancelled);
}

TEST(Pump, EndsEverySourceWhenTheDeviceIsLostAndLooksForThatNowAndThenOnly) {
  PumpRig rig({.depth = 2, .inlet_count = 2, .make_device = MakeLostDevice});  // with two inlets no wait is longer than 1 ms
  rig.AddFile(10 * 4096);
  rig.AddFile(10 * 4096, {.inlet = 1});
  rig.stop_device = false;
  const u64 start_ns = MonotonicNs();
  const PumpOutcome outcome = rig.Run();
  const absl::Duration took = absl::Nanoseconds(static_cast<int64_t>(MonotonicNs() - start_ns));
  EXPECT_EQ(outcome.status.code(), absl::StatusCode::kUnavailable) << outcome.status;
  EXPECT_THAT(Message(outcome.status), AllOf(HasSubstr("fell off its bus"), HasSubstr("lost with 8 slots in flight")));
  EXPECT_EQ(RemedyOf(outcome.status), "plug it in again");
  EXPECT_FALSE(outcome.memory_in_use) << "every slot has ended as a fault";
  ASSERT_EQ(rig.ends.size(), 2u);
  for (const PumpSourceEnd& end : rig.ends) EXPECT_EQ(end.status, outcome.status);
  EXPECT_GE(took, (LostDevice::kLooksUntilLost - 1) * absl::Milliseconds(100));
  EXPECT_LT(took, kPatience) << "it waited for slots that cannot end";
}

TEST(Pump, CountsAMatchAcrossAChunkBorderExactlyOnce) {
  const std::vector<std::string> patterns = {"aab", "aa", "abaab", "b\n"};
  for (u32 seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::string text(100'000, 'a');
    if (seed > 2) {
      for (char& c : text) c = "aaab\n"[random() % 5];
    }
    if (seed == 2) text = Repeat("aab", text.size());
    PumpRig rig({.queue = {.shuffle = true, .seed = seed}}, *MakeMatchOperation(patterns));
    rig.AddFile(text.size());
    rig.files[0].Write(text);
    const PumpOutcome outcome = rig.Run();
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(rig.ends[0].result.matches, NaiveMatches(text, patterns));
  }
}

TEST(Pump, CountsBytesByValue) {
  PumpRig rig({}, MakeHistogramOperation());
  rig.AddFile(123'457);
  EXPECT_TRUE(rig.Run().status.ok());
  std::array<uint64_t, 256> counts = {};
  for (std::byte byte : Pattern(0, 123'457)) ++counts[static_cast<size_t>(byte)];
  EXPECT_EQ(rig.ends[0].result.histogram, counts);
}

TEST(Pump, FindsTheFirstDifferenceFromAPattern) {
  for (const bool broken : {false, true}) {
    PumpRig rig({}, *MakeVerifyOperation("seven77"));
    std::string text = Repeat("seven77", 100'001);
    if (broken) text[77'777] ^= 1;
    if (broken) text[88'888] ^= 1;
    rig.AddFile(text.size());
    rig.files[0].Write(text);
    EXPECT_TRUE(rig.Run().status.ok());
    EXPECT_EQ(rig.ends[0].result.first_difference, broken ? 77'777 : layout::kNoDifference);
  }
}

}  // namespace
}  // namespace penstock
