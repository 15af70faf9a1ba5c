// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/live_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "penstock/error.h"
#include "penstock/layout/atomic.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::FaultReason;
using layout::Priority;
using layout::Scope;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Work WorkWith(u32 argument, Priority priority = Priority::kNormal) {
  Work work;
  work.opcode = layout::kStoreU32;
  work.priority = priority;
  work.argument = {argument, argument + 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  return work;
}

// A ring with no device: the test ends the slots by hand.
class LiveRingTest : public testing::Test {
 protected:
  void Open(LiveRing::Options options) { ring_.emplace(LiveRing::Create({absl::MakeSpan(slots_), &doorbell_}, options).value()); }
  void Open() { Open({.slot_counts = {2, 2, 4, 1, 8}}); }

  u32* WordsOf(const Ticket& ticket) {
    const u32 p = static_cast<u32>(ticket.priority);
    const u32 size = ring_->partition_offset(p + 1) - ring_->partition_offset(p);
    return slots_[ring_->partition_offset(p) + ticket.sequence % size].word;
  }
  void SetStatus(const Ticket& ticket, u32 status) { layout::StoreRelease<Scope::kSystem>(&WordsOf(ticket)[0], status); }
  void End(const Ticket& ticket, u32 status, u32 low = 0, u32 high = 0) {
    layout::StoreRelaxed<Scope::kSystem>(&WordsOf(ticket)[layout::kResultLowWord], low);
    layout::StoreRelaxed<Scope::kSystem>(&WordsOf(ticket)[layout::kResultHighWord], high);
    SetStatus(ticket, status);
  }
  Ticket PublishOne(Priority priority = Priority::kNormal) {
    const auto ticket = ring_->Publish(WorkWith(1, priority));
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    return ticket.value_or(Ticket{});
  }
  bool Reap(const Ticket& ticket) { return ring_->TryReap(ticket, completion_); }

  std::vector<u32> AllWords() const {
    std::vector<u32> words(slots_.size() * layout::kSlotWords + sizeof(doorbell_) / sizeof(u32));
    std::memcpy(words.data(), slots_.data(), slots_.size() * sizeof(layout::Slot));
    std::memcpy(words.data() + slots_.size() * layout::kSlotWords, &doorbell_, sizeof(doorbell_));
    return words;
  }
  // Expects the error, and that not a byte was written.
  void ExpectRefused(const Work& work, StatusCode code, const std::string& text) {
    const std::vector<u32> before = AllWords();
    const u32 in_flight = ring_->in_flight();
    const absl::Status status = ring_->Publish(work).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(CauseOf(status), HasSubstr(text));
    EXPECT_FALSE(RemedyOf(status).empty());
    EXPECT_EQ(AllWords(), before);
    EXPECT_EQ(ring_->in_flight(), in_flight);
  }

  std::vector<layout::Slot> slots_ = std::vector<layout::Slot>(17);
  layout::Doorbell doorbell_ = {};
  std::optional<LiveRing> ring_;
  Completion completion_;
};

TEST_F(LiveRingTest, MovesWithWhatIsInFlightAndIsNotCopied) {
  static_assert(!std::is_copy_constructible_v<LiveRing> && !std::is_copy_assignable_v<LiveRing>);
  Open();
  const Ticket ticket = PublishOne();
  LiveRing moved = *std::move(ring_);
  EXPECT_EQ(moved.in_flight(), 1u);
  End(ticket, layout::kDone, 7);
  EXPECT_TRUE(moved.TryReap(ticket, completion_));
  EXPECT_EQ(completion_.result, 7u);
}

TEST_F(LiveRingTest, CreateRefusesCountsThatAreNoPowerOfTwo) {
  for (u32 count : {0u, 3u, 255u, LiveRing::kMaxSubRingSlots * 2, ~0u}) {
    const absl::Status status =
        LiveRing::Create({absl::MakeSpan(slots_), &doorbell_}, {.slot_counts = {1, 1, 1, count, 1}}).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(CauseOf(status), HasSubstr("sub-ring 3 has " + std::to_string(count)));
  }
}

TEST_F(LiveRingTest, CreateRefusesStorageThatIsTooSmall) {
  const LiveRing::Options options = {.slot_counts = {2, 2, 4, 2, 8}};
  EXPECT_EQ(LiveRing::Create({absl::MakeSpan(slots_), &doorbell_}, options).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(LiveRing::Create({absl::MakeSpan(slots_), nullptr}, {.slot_counts = {1, 1, 1, 1, 1}}).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(LiveRingTest, SubRingsLieOneBehindTheOther) {
  Open();
  std::vector<u32> offsets;
  for (u32 p = 0; p <= layout::kPriorityCount; ++p) offsets.push_back(ring_->partition_offset(p));
  EXPECT_THAT(offsets, ElementsAre(0, 2, 4, 8, 9, 17));
  EXPECT_EQ(ring_->slot_count(), 17u);
}

TEST_F(LiveRingTest, PublishFillsTheSlotAndRingsTheDoorbell) {
  Open();
  Work work = WorkWith(70, Priority::kHigh);
  work.tenant = 9;
  const Ticket ticket = ring_->Publish(work).value();
  const u32* word = WordsOf(ticket);
  EXPECT_EQ(word[layout::kStatusWord], layout::kPublished);
  EXPECT_EQ(word[layout::kOpcodeWord], layout::kStoreU32);
  EXPECT_EQ(word[layout::kTenantWord], 9u);
  EXPECT_EQ(word[layout::kPriorityWord], 1u);
  EXPECT_EQ(std::memcmp(word + layout::kArgumentWord, work.argument.data(), sizeof(work.argument)), 0);
  EXPECT_THAT(doorbell_.bell, ElementsAre(0, 1, 0, 0, 0));
  EXPECT_EQ(ring_->in_flight(), 1u);
}

TEST_F(LiveRingTest, TicketsCountUpInEachSubRing) {
  Open({.slot_counts = {2, 2, 4, 1, 8}, .first_sequence = 40});
  for (u32 i = 0; i < 4; ++i) {
    const Ticket ticket = PublishOne();
    EXPECT_EQ(ticket.priority, Priority::kNormal);
    EXPECT_EQ(ticket.sequence, 40 + i);
  }
  EXPECT_EQ(PublishOne(Priority::kIdle).sequence, 40u);
}

TEST_F(LiveRingTest, PublishReturnsResourceExhaustedWhenEverySlotIsInFlight) {
  Open();
  for (u32 i = 0; i < 4; ++i) PublishOne();
  EXPECT_EQ(ring_->free_slots(Priority::kNormal), 0u);
  ExpectRefused(WorkWith(5), StatusCode::kResourceExhausted, "all 4 slots of sub-ring 2 are in flight");
  PublishOne(Priority::kLow);  // another sub-ring has room
}

TEST_F(LiveRingTest, ADoneSlotIsInFlightUntilItIsReaped) {
  Open();
  const Ticket ticket = PublishOne(Priority::kLow);
  End(ticket, layout::kDone);
  ExpectRefused(WorkWith(5, Priority::kLow), StatusCode::kResourceExhausted, "in flight");
  EXPECT_TRUE(Reap(ticket));
  EXPECT_EQ(PublishOne(Priority::kLow).sequence, 1u);
}

TEST_F(LiveRingTest, ATicketIsInFlightFromItsPublishToItsReap) {
  Open();
  EXPECT_FALSE(ring_->IsInFlight({Priority::kNormal, 0}));
  const Ticket first = PublishOne();
  const Ticket second = PublishOne();
  EXPECT_TRUE(ring_->IsInFlight(first));
  End(second, layout::kDone);
  EXPECT_TRUE(Reap(second));
  EXPECT_TRUE(ring_->IsInFlight(first));
  EXPECT_FALSE(ring_->IsInFlight(second));
  EXPECT_FALSE(ring_->IsInFlight({Priority::kNormal, 2}));
  EXPECT_FALSE(ring_->IsInFlight({Priority::kHigh, first.sequence}));
  EXPECT_FALSE(ring_->IsInFlight({static_cast<Priority>(5), 0}));
}

TEST_F(LiveRingTest, PublishRefusesReservedOpcodesAndUnknownPriorities) {
  Open();
  Work work;
  for (u32 opcode : {0xFFF0u, 0xFFFCu, 0xFFFFu, 0x80000000u, 0x80000002u, 0xFFFFFFFEu}) {
    work.opcode = opcode;
    ExpectRefused(work, StatusCode::kInvalidArgument, "reserved");
  }
  work.opcode = layout::kNop;
  work.priority = static_cast<Priority>(5);
  ExpectRefused(work, StatusCode::kInvalidArgument, "priority 5");
}

TEST_F(LiveRingTest, PublishRefusesAPackedPayloadThatTheDeviceWouldRefuse) {
  Open({.slot_counts = {2, 2, 4, 1, 8}, .argument_count = &layout::BuiltinArgumentCount});
  Work work;
  work.opcode = layout::kPackedSlot;
  ExpectRefused(work, StatusCode::kInvalidArgument, "op count is 0");
}

TEST_F(LiveRingTest, PublishRefusesASlotThatSomebodyElseHasTouched) {
  Open();
  WordsOf({Priority::kNormal, 0})[layout::kStatusWord] = layout::kClaimed;
  ExpectRefused(WorkWith(1), StatusCode::kInternal, "CLAIMED although it was reaped");
}

TEST_F(LiveRingTest, OnlyDoneAndFaultCanBeReaped) {
  Open();
  const Ticket ticket = PublishOne();
  for (u32 status :
       {layout::kEmpty, layout::kPublished, layout::kClaimed, layout::kWaitIo, layout::kYield, layout::kRequeue, 8u, ~0u}) {
    SetStatus(ticket, status);
    EXPECT_FALSE(Reap(ticket)) << layout::StatusName(status);
    EXPECT_EQ(WordsOf(ticket)[layout::kStatusWord], status);
  }
  EXPECT_EQ(ring_->in_flight(), 1u);
  SetStatus(ticket, layout::kDone);
  EXPECT_TRUE(Reap(ticket));
  EXPECT_EQ(WordsOf(ticket)[layout::kStatusWord], layout::kDone);
  EXPECT_EQ(ring_->in_flight(), 0u);
}

TEST_F(LiveRingTest, ADoneSlotGivesItsResult) {
  Open();
  const Ticket ticket = PublishOne();
  End(ticket, layout::kDone, 0x89ABCDEF, 0x01234567);
  ASSERT_TRUE(Reap(ticket));
  EXPECT_TRUE(completion_.ok());
  EXPECT_EQ(completion_.result, 0x0123456789ABCDEFu);
  EXPECT_TRUE(completion_.ToStatus("a test").ok());
}

TEST_F(LiveRingTest, AFaultGivesItsReasonAndIsAcknowledged) {
  Open();
  const Ticket ticket = PublishOne();
  End(ticket, layout::kFault, 77, static_cast<u32>(FaultReason::kOutOfRange));
  ASSERT_TRUE(Reap(ticket));
  EXPECT_EQ(completion_.fault, FaultReason::kOutOfRange);
  EXPECT_EQ(completion_.fault_detail, 77u);
  EXPECT_EQ(completion_.result, 0u);
  EXPECT_EQ(WordsOf(ticket)[layout::kStatusWord], layout::kEmpty);
  const absl::Status status = completion_.ToStatus("STORE of the test");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("STORE of the test ended as FAULT 7"), HasSubstr("0x4d")));
}

TEST_F(LiveRingTest, AFaultWithoutAReasonIsAFaultAllTheSame) {
  Open();
  const Ticket ticket = PublishOne();
  End(ticket, layout::kFault, 77, 0);
  ASSERT_TRUE(Reap(ticket));
  EXPECT_FALSE(completion_.ok());
  EXPECT_EQ(completion_.fault, FaultReason::kHandlerFault);
  EXPECT_EQ(completion_.fault_detail, 77u);
}

TEST_F(LiveRingTest, APriorityThatThereIsNotHasNoSlots) {
  Open();
  const auto none = static_cast<layout::Priority>(layout::kPriorityCount);
  EXPECT_EQ(ring_->free_slots(none), 0u);
  EXPECT_FALSE(ring_->TryReapNext(none, completion_));
}

TEST_F(LiveRingTest, SlotsCanBeReapedOutOfOrderAndFreeTheirPlaceInOrder) {
  Open();
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 4; ++i) tickets.push_back(PublishOne());
  for (const Ticket& ticket : tickets) End(ticket, layout::kDone);
  EXPECT_TRUE(Reap(tickets[2]));
  EXPECT_TRUE(Reap(tickets[1]));
  EXPECT_EQ(ring_->free_slots(Priority::kNormal), 0u);
  ExpectRefused(WorkWith(1), StatusCode::kResourceExhausted, "in flight");
  EXPECT_TRUE(Reap(tickets[0]));
  EXPECT_EQ(ring_->free_slots(Priority::kNormal), 3u);
  EXPECT_EQ(ring_->in_flight(), 1u);
  for (u32 i = 0; i < 3; ++i) PublishOne();
  ExpectRefused(WorkWith(1), StatusCode::kResourceExhausted, "in flight");
}

TEST_F(LiveRingTest, TryReapNextKeepsToRingOrder) {
  Open();
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 3; ++i) tickets.push_back(PublishOne());
  End(tickets[1], layout::kDone);
  EXPECT_FALSE(ring_->TryReapNext(Priority::kNormal, completion_));  // the oldest has not ended
  EXPECT_TRUE(Reap(tickets[1]));
  End(tickets[0], layout::kDone);
  End(tickets[2], layout::kDone);
  ASSERT_TRUE(ring_->TryReapNext(Priority::kNormal, completion_));
  EXPECT_EQ(completion_.ticket.sequence, 0u);
  ASSERT_TRUE(ring_->TryReapNext(Priority::kNormal, completion_));
  EXPECT_EQ(completion_.ticket.sequence, 2u);
  EXPECT_FALSE(ring_->TryReapNext(Priority::kNormal, completion_));
  EXPECT_FALSE(ring_->TryReapNext(Priority::kHigh, completion_));
}

TEST_F(LiveRingTest, SequenceNumbersWrapAround) {
  Open({.slot_counts = {2, 2, 4, 1, 8}, .first_sequence = ~0u - 9});
  u32 expected = ~0u - 9;
  for (u32 lap = 0; lap < 8; ++lap) {
    std::vector<Ticket> tickets;
    for (u32 i = 0; i < 4; ++i) tickets.push_back(PublishOne());
    ExpectRefused(WorkWith(1), StatusCode::kResourceExhausted, "in flight");
    for (u32 i : {3u, 0u, 2u, 1u}) {
      EXPECT_EQ(tickets[i].sequence, expected + i);
      End(tickets[i], layout::kDone, i);
      ASSERT_TRUE(Reap(tickets[i]));
      EXPECT_EQ(completion_.result, i);
    }
    expected += 4;
  }
  EXPECT_EQ(layout::BellTail(doorbell_.bell[2]), expected);
  EXPECT_LT(expected, 100u);
}

TEST_F(LiveRingTest, WaitSaysThatTheSlotIsStillInFlightAfterItsTime) {
  Open();
  const Ticket ticket = PublishOne();
  for (absl::Duration timeout : {absl::ZeroDuration(), absl::Milliseconds(5), -absl::Seconds(1)}) {
    const absl::Status status = ring_->Wait(ticket, timeout).status();
    EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
    EXPECT_THAT(CauseOf(status), HasSubstr("still in flight"));
  }
  EXPECT_EQ(ring_->in_flight(), 1u);
  End(ticket, layout::kDone, 5);
  EXPECT_EQ(ring_->Wait(ticket, absl::ZeroDuration()).value().result, 5u);
}

TEST_F(LiveRingTest, WaitSeesASlotEndWhileItSleeps) {
  Open();
  const Ticket ticket = PublishOne();
  std::thread device([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    End(ticket, layout::kDone, 6);
  });
  EXPECT_EQ(ring_->Wait(ticket, absl::InfiniteDuration()).value().result, 6u);
  device.join();
}

TEST_F(LiveRingTest, ShutdownAndEpochReachTheDoorbell) {
  Open();
  ring_->SetShutdown(true);
  EXPECT_EQ(doorbell_.shutdown, 1u);
  ring_->SetShutdown(false);
  EXPECT_EQ(doorbell_.shutdown, 0u);
  ring_->BeginEpoch();
  ring_->BeginEpoch();
  for (u64 bell : doorbell_.bell) EXPECT_EQ(layout::BellEpoch(bell), 2u);
  EXPECT_EQ(ring_->epoch(), 2u);
}

TEST_F(LiveRingTest, DumpShowsEverySlotThatIsNotEmptyOldestFirst) {
  Open();
  for (u32 i = 0; i < 5; ++i) {
    const Ticket ticket = PublishOne();
    if (i >= 3) continue;
    End(ticket, layout::kDone);
    EXPECT_TRUE(Reap(ticket));
  }
  const std::string dump = ring_->Dump();
  EXPECT_THAT(dump, HasSubstr("sub-ring 2: 4 slots, tail 5: PUBLISHED 2 DONE 2\n"));
  EXPECT_THAT(dump, HasSubstr("sub-ring 0: 2 slots, tail 0: EMPTY 2\n"));
  EXPECT_LT(dump.find("seq          1 DONE"), dump.find("seq          4 PUBLISHED"));
  EXPECT_THAT(dump, Not(HasSubstr("seq          0")));
}

TEST_F(LiveRingTest, DumpCanBeReadByAnyThreadWhileTheRingIsLive) {
  Open();
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) EXPECT_THAT(ring_->Dump(), HasSubstr("sub-ring 4: 8 slots"));
  });
  for (u32 i = 0; i < 2000; ++i) {
    const Ticket ticket = PublishOne();
    SetStatus(ticket, layout::kClaimed);
    End(ticket, i % 3 == 0 ? layout::kFault : layout::kDone, i);
    ASSERT_TRUE(Reap(ticket));
  }
  stop = true;
  reader.join();
}

using LiveRingDeathTest = LiveRingTest;

TEST_F(LiveRingDeathTest, ReapingATicketTwiceIsAProgrammingError) {
  Open();
  const Ticket first = PublishOne();
  const Ticket second = PublishOne();
  End(second, layout::kDone);
  EXPECT_TRUE(Reap(second));
  EXPECT_DEATH(Reap(second), "check failed");
  End(first, layout::kDone);
  EXPECT_TRUE(Reap(first));
  EXPECT_DEATH(Reap(first), "check failed");
}

TEST_F(LiveRingDeathTest, ReapingWhatWasNeverPublishedIsAProgrammingError) {
  Open();
  EXPECT_DEATH(Reap({Priority::kNormal, 0}), "check failed");
  PublishOne();
  EXPECT_DEATH(Reap({Priority::kNormal, 1}), "check failed");
  EXPECT_DEATH(Reap({Priority::kNormal, 4}), "check failed");
  EXPECT_DEATH(Reap({Priority::kNormal, ~0u}), "check failed");
  EXPECT_DEATH(Reap({static_cast<Priority>(5), 0}), "check failed");
}

}  // namespace
}  // namespace penstock
