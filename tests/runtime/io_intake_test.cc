// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_intake.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "penstock/error.h"
#include "runtime/io_causes.h"
#include "tests/fakes/fake_kernel.h"

namespace penstock {
namespace {

using layout::IoCause;
using layout::IoEnd;

constexpr IoEnd kOk{0, 512};

class IoIntakeTest : public testing::Test {
 protected:
  u32 PostRead(u32 tag = 0) { return requester_.Post({layout::kIoRead, 1, 2, u64{5} << 32 | 7, 512, tag}); }
  u32 TakeSlot() {
    const auto taken = intake_.TakeNext();
    EXPECT_TRUE(taken.has_value());
    return taken.has_value() ? taken->slot : ~0u;
  }
  void EndAndPublish(u32 slot) {
    intake_.End(slot, kOk);
    intake_.PublishEnds();
  }

  fakes::FakeKernel kernel_{1};
  fakes::FakeRequester requester_{kernel_, 0};
  IoIntake intake_{kernel_.queue(0), kernel_.bell(0)};
};

TEST_F(IoIntakeTest, TakesARequestWithEveryFieldIntact) {
  EXPECT_FALSE(intake_.HasNext());
  EXPECT_FALSE(intake_.TakeNext().has_value());
  const u32 slot = PostRead(99);
  EXPECT_TRUE(intake_.HasNext());
  const auto taken = intake_.TakeNext();
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->slot, slot);
  EXPECT_EQ(taken->request.op_type, layout::kIoRead);
  EXPECT_EQ(taken->request.source_handle, 1u);
  EXPECT_EQ(taken->request.destination_handle, 2u);
  EXPECT_EQ(taken->request.offset_bytes, u64{5} << 32 | 7);
  EXPECT_EQ(taken->request.byte_count, 512u);
  EXPECT_EQ(taken->request.tag, 99u);
  EXPECT_EQ(requester_.words(slot).status, layout::kClaimed);
  EXPECT_FALSE(intake_.TakeNext().has_value()) << "once";
}

TEST_F(IoIntakeTest, TakesInTheOrderOfTickets) {
  const u32 first = requester_.Fill({});
  const u32 second = requester_.Fill({});
  requester_.Announce(second);
  requester_.Announce(first);
  EXPECT_EQ(TakeSlot(), second);
  EXPECT_EQ(TakeSlot(), first);
}

TEST_F(IoIntakeTest, WaitsForATicketThatIsNotYetStored) {
  const u32 first = requester_.Fill({});
  const u32 second = requester_.Fill({});
  requester_.SetNextTicket(1);
  requester_.Announce(second);
  EXPECT_FALSE(intake_.HasNext());
  requester_.SetNextTicket(0);
  requester_.Announce(first);
  EXPECT_EQ(TakeSlot(), first);
  EXPECT_EQ(TakeSlot(), second);
}

TEST_F(IoIntakeTest, TellsEndsOfABatchWithOneBell) {
  const u32 a = PostRead();
  const u32 b = PostRead();
  const u32 c = PostRead();
  for (int i = 0; i < 3; ++i) TakeSlot();
  intake_.End(c, {static_cast<u32>(IoCause::kMedium), 3});
  intake_.End(a, kOk);
  EXPECT_FALSE(requester_.TryTake().has_value()) << "not yet told";
  EXPECT_EQ(intake_.PublishEnds(), IoSlotBit(a) | IoSlotBit(c));
  EXPECT_EQ(requester_.words(a).status, layout::kIoOk);
  EXPECT_EQ(requester_.words(c).status, layout::kIoError);
  EXPECT_EQ(requester_.Take(a).end.bytes, 512u);
  EXPECT_EQ(requester_.Take(c).end.cause, static_cast<u32>(IoCause::kMedium));
  EXPECT_FALSE(requester_.HasEnded(b));
  EXPECT_EQ(intake_.in_flight(), IoSlotBit(b));
  EXPECT_EQ(requester_.bad_statuses(), 0u);
}

TEST_F(IoIntakeTest, PassesOverASlotThatWasNotPublished) {
  requester_.Announce(5);
  const u32 good = PostRead();
  EXPECT_EQ(TakeSlot(), good);
  EXPECT_EQ(intake_.protocol_errors(), 1u);
}

TEST_F(IoIntakeTest, PassesOverASlotThatIsInFlight) {
  const u32 slot = PostRead();
  EXPECT_EQ(TakeSlot(), slot);
  requester_.words(slot).status = layout::kPublished;
  requester_.Announce(slot);
  EXPECT_FALSE(intake_.TakeNext().has_value());
  EXPECT_EQ(intake_.protocol_errors(), 1u);
  EndAndPublish(slot);
  EXPECT_TRUE(requester_.Take(slot).end.ok());
}

TEST_F(IoIntakeTest, GoesOnThroughManyLaps) {
  for (u32 i = 0; i < 1000; ++i) {
    const u32 slot = PostRead(i);
    ASSERT_EQ(TakeSlot(), slot);
    EndAndPublish(slot);
    ASSERT_EQ(requester_.TryTake()->tag, i);
  }
}

TEST_F(IoIntakeTest, GoesOnWhereTicketsBeginAgain) {
  constexpr u32 kLast = (1u << 26) - 1;
  requester_.SetNextTicket(kLast - 9);
  const u32 first = PostRead();
  IoIntake late(kernel_.queue(0), kernel_.bell(0));
  EXPECT_EQ(late.TakeNext()->slot, first);
  late.End(first, kOk);
  late.PublishEnds();
  EXPECT_TRUE(requester_.TryTake().has_value());
  for (u32 i = 0; i < 100; ++i) {
    const u32 slot = PostRead();
    const auto taken = late.TakeNext();
    ASSERT_TRUE(taken.has_value()) << i;
    late.End(slot, kOk);
    late.PublishEnds();
    ASSERT_TRUE(requester_.TryTake().has_value());
  }
}

// --- fences ---

TEST_F(IoIntakeTest, AFenceEndsAfterEverythingEarlier) {
  const u32 a = PostRead();
  const u32 b = PostRead();
  const u32 fence = requester_.Post(fakes::kFence);
  const u32 later = PostRead();
  for (int i = 0; i < 4; ++i) TakeSlot();
  intake_.EndAfterOthers(fence);
  EndAndPublish(later);
  EndAndPublish(a);
  EXPECT_FALSE(requester_.HasEnded(fence));
  EndAndPublish(b);
  EXPECT_TRUE(requester_.HasEnded(fence));
  EXPECT_TRUE(requester_.Take(fence).end.ok());
}

TEST_F(IoIntakeTest, AFenceDoesNotWaitForALaterRequestInASlotItWaitedFor) {
  const u32 a = PostRead();
  const u32 b = PostRead();
  const u32 fence = requester_.Post(fakes::kFence);
  for (int i = 0; i < 3; ++i) TakeSlot();
  intake_.EndAfterOthers(fence);
  EndAndPublish(a);
  requester_.Take(a);
  EXPECT_EQ(PostRead(), a) << "the same slot";
  TakeSlot();
  EndAndPublish(b);
  EXPECT_TRUE(requester_.HasEnded(fence));
}

TEST_F(IoIntakeTest, AFenceWaitsForFences) {
  const u32 a = PostRead();
  const u32 first = requester_.Post(fakes::kFence);
  const u32 second = requester_.Post(fakes::kFence);
  for (int i = 0; i < 2; ++i) TakeSlot();
  intake_.EndAfterOthers(first);
  TakeSlot();
  intake_.EndAfterOthers(second);
  intake_.PublishEnds();
  EXPECT_FALSE(requester_.HasEnded(first));
  EndAndPublish(a);
  EXPECT_TRUE(requester_.HasEnded(first));
  EXPECT_TRUE(requester_.HasEnded(second));
  EXPECT_EQ(intake_.in_flight(), 0u);
}

TEST_F(IoIntakeTest, AFenceAloneEndsAtOnce) {
  const u32 fence = requester_.Post(fakes::kFence);
  TakeSlot();
  intake_.EndAfterOthers(fence);
  EXPECT_TRUE(intake_.HasEnds());
  intake_.PublishEnds();
  EXPECT_TRUE(requester_.HasEnded(fence));
}

TEST_F(IoIntakeTest, EndsEverythingWithoutWaiting) {
  const u32 a = PostRead();
  const u32 fence = requester_.Post(fakes::kFence);
  TakeSlot();
  TakeSlot();
  intake_.EndAfterOthers(fence);
  intake_.EndAll({static_cast<u32>(IoCause::kServiceStopped), 0});
  intake_.PublishEnds();
  EXPECT_EQ(requester_.Take(a).end.cause, static_cast<u32>(IoCause::kServiceStopped));
  EXPECT_EQ(requester_.Take(fence).end.cause, static_cast<u32>(IoCause::kServiceStopped));
  EXPECT_EQ(intake_.in_flight(), 0u);
}

// --- beginning late, and again ---

TEST_F(IoIntakeTest, BeginsWithTheFirstTicketIfNothingWasServed) {
  EXPECT_EQ(FindNextIoTicket(kernel_.queue(0)), 0u);
  for (int i = 0; i < 64; ++i) PostRead();
  EXPECT_EQ(FindNextIoTicket(kernel_.queue(0)), 0u);
}

TEST_F(IoIntakeTest, BeginsAfterWhatAnotherServiceServed) {
  for (u32 round = 0; round < 150; ++round) {
    std::vector<u32> slots;
    for (u32 i = 0; i < round % 64 + 1; ++i) slots.push_back(PostRead());
    IoIntake next(kernel_.queue(0), kernel_.bell(0));
    for (size_t i = 0; i < slots.size() / 2 + 1; ++i) {
      const auto taken = next.TakeNext();
      ASSERT_TRUE(taken.has_value()) << round;
      ASSERT_EQ(taken->slot, slots[i]) << round;
      next.End(taken->slot, kOk);
    }
    next.PublishEnds();
    IoIntake after(kernel_.queue(0), kernel_.bell(0));  // ends are told, and not yet taken
    for (size_t i = slots.size() / 2 + 1; i < slots.size(); ++i) {
      const auto taken = after.TakeNext();
      ASSERT_TRUE(taken.has_value()) << round;
      ASSERT_EQ(taken->slot, slots[i]) << round;
      after.End(taken->slot, kOk);
    }
    ASSERT_FALSE(after.TakeNext().has_value()) << round;
    after.PublishEnds();
    while (requester_.TryTake().has_value()) continue;
    ASSERT_EQ(requester_.in_flight(), 0u);
  }
}

/// A slot that is published, and whose ticket is not yet stored, looks like one that was published under its last ticket.
TEST_F(IoIntakeTest, TakesOnceWhatIsBeingAnnouncedWhileItBegins) {
  const u32 served = PostRead();
  TakeSlot();
  EndAndPublish(served);
  requester_.Take(served);
  const u32 slow = requester_.Fill({layout::kIoRead, 1, 2, 0, 512, 1});
  const u32 other = requester_.Fill({layout::kIoRead, 1, 2, 0, 512, 2});
  requester_.SetNextTicket(2);
  requester_.Announce(other);
  IoIntake late(kernel_.queue(0), kernel_.bell(0));
  u64 taken = 0;
  const auto take_all = [&] {
    while (const auto next = late.TakeNext()) {
      EXPECT_EQ(taken & IoSlotBit(next->slot), 0u) << "twice";
      taken |= IoSlotBit(next->slot);
    }
  };
  take_all();
  requester_.SetNextTicket(1);
  requester_.Announce(slow);
  take_all();
  EXPECT_EQ(taken, IoSlotBit(slow) | IoSlotBit(other));
}

// --- causes ---

TEST(IoCauses, TellWhatTheDriverSaid) {
  const auto error = [](absl::StatusCode code) { return MakeError(code, What("it failed"), Fix("mend it")); };
  EXPECT_EQ(IoCauseOf(absl::OkStatus()), IoCause::kNone);
  EXPECT_EQ(IoCauseOf(error(absl::StatusCode::kDataLoss)), IoCause::kMedium);
  EXPECT_EQ(IoCauseOf(error(absl::StatusCode::kDeadlineExceeded)), IoCause::kTimedOut);
  EXPECT_EQ(IoCauseOf(error(absl::StatusCode::kCancelled)), IoCause::kServiceStopped);
  EXPECT_EQ(IoCauseOf(error(absl::StatusCode::kOutOfRange)), IoCause::kOutOfRange);
  EXPECT_EQ(IoCauseOf(error(absl::StatusCode::kFailedPrecondition)), IoCause::kRefusedByPath);
  const auto with_errno = [](int number) {
    return MakeErrnoError(absl::StatusCode::kUnavailable, number, What("it failed"), Fix("mend it"));
  };
  EXPECT_EQ(IoCauseOf(with_errno(ENODEV)), IoCause::kVolumeGone);
  EXPECT_EQ(IoCauseOf(with_errno(ENXIO)), IoCause::kVolumeGone);
  EXPECT_EQ(IoCauseOf(with_errno(EAGAIN)), IoCause::kMedium);
}

}  // namespace
}  // namespace penstock
