// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/io_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penstock/error.h"
#include "penstock/layout/slot.h"
#include "tests/runtime/io_queue_rig.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::IoCause;
using layout::IoEnd;
using layout::IoRequest;
using layout::IoSlot;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<u32> Polled(const IoQueueView& view) {
  std::vector<IoPosting> requests;
  view.PollRequests(requests);
  return SlotIds(requests);
}

std::vector<u32> Claimed(const IoQueueView& view) {
  std::vector<IoPosting> requests;
  view.ClaimRequests(requests);
  return SlotIds(requests);
}

// Point 1.
TEST(IoQueueView, AFreshQueuePollsToNothing) {
  for (const u32 slots : {0u, 1u, 64u}) {
    std::vector<std::byte> bytes = EmptyQueue(slots);
    const IoQueueView view = ViewOf(bytes);
    EXPECT_EQ(view.slot_count(), slots);
    std::vector<IoPosting> postings = {{}};
    std::vector<IoFinished> finished = {{}};
    view.PollRequests(postings);
    EXPECT_THAT(SlotIds(postings), IsEmpty());
    postings.push_back({});
    view.ClaimRequests(postings);
    EXPECT_THAT(SlotIds(postings), IsEmpty());
    postings.push_back({});
    view.PollAnnouncements(postings);
    EXPECT_THAT(SlotIds(postings), IsEmpty());
    view.PollCompletions(finished);
    EXPECT_THAT(SlotIds(finished), IsEmpty());
  }
}

// Point 3.
TEST(IoQueueView, APublishedReadPollsWithEveryFieldIntact) {
  std::vector<std::byte> bytes = EmptyQueue(4);
  const IoQueueView view = ViewOf(bytes);
  const IoRequest request = {layout::kIoRead, 0xFFFFFFFFu, 0x80000000u, 0xFEDC'BA98'7654'3210u, 0xFFFFFFFEu, 0xC0FFEEu};
  ASSERT_TRUE(view.Submit(2, request).ok());
  std::vector<IoPosting> requests;
  view.PollRequests(requests);
  ASSERT_THAT(SlotIds(requests), ElementsAre(2u));
  EXPECT_TRUE(SameWords(requests[0].words, request));
  EXPECT_THAT(Polled(view), ElementsAre(2u)) << "a poll changes nothing";
  view.ClaimRequests(requests);
  ASSERT_THAT(SlotIds(requests), ElementsAre(2u));
  EXPECT_TRUE(SameWords(requests[0].words, request));
}

// Point 5.
TEST(IoQueueView, ARequestIsClaimedExactlyOnce) {
  std::vector<std::byte> bytes = EmptyQueue(4);
  const IoQueueView view = ViewOf(bytes);
  for (const u32 slot_id : {1u, 3u}) ASSERT_TRUE(view.Submit(slot_id, Read(slot_id)).ok());
  EXPECT_THAT(Claimed(view), ElementsAre(1u, 3u));
  for (const u32 slot_id : {1u, 3u}) EXPECT_EQ(SlotOf(bytes, slot_id).status, layout::kClaimed);
  EXPECT_THAT(Claimed(view), IsEmpty());
  EXPECT_THAT(Polled(view), IsEmpty());
  ASSERT_TRUE(view.Submit(0, Read(0)).ok());
  EXPECT_THAT(Claimed(view), ElementsAre(0u));
}

TEST(IoQueueView, WhatIsWrittenIntoAClaimedSlotIsNotReadAgain) {
  std::vector<std::byte> bytes = EmptyQueue(1);
  const IoQueueView view = ViewOf(bytes);
  ASSERT_TRUE(view.Submit(0, Read(5)).ok());
  std::vector<IoPosting> requests;
  view.ClaimRequests(requests);
  std::memset(bytes.data(), 0xFF, offsetof(IoSlot, status));
  EXPECT_TRUE(SameWords(requests[0].words, Read(5)));
  EXPECT_TRUE(view.Complete(0, kOk).ok());
}

// Point 6.
TEST(IoQueueView, CompleteNeedsAClaimedRequest) {
  for (const u32 status : {0u, 1u, 3u, 4u, 5u, 6u, 7u, layout::kIoOk, layout::kIoError, ~0u}) {
    std::vector<std::byte> bytes = EmptyQueue(2);
    SetStatus(bytes, 1, status);
    const std::vector<std::byte> before = bytes;
    const IoCompletion batch[] = {{1, kOk}};
    for (const absl::Status& completed : {ViewOf(bytes).Complete(1, kOk), ViewOf(bytes).CompleteBatch(batch)}) {
      EXPECT_EQ(completed.code(), StatusCode::kFailedPrecondition) << status;
      EXPECT_THAT(Text(completed), HasSubstr("CLAIMED request"));
      EXPECT_FALSE(RemedyOf(completed).empty());
    }
    EXPECT_EQ(bytes, before);
  }
}

// Point 7.
TEST(IoQueueView, ABatchIsValidatedBeforeAnythingIsWritten) {
  std::vector<std::byte> bytes = EmptyQueue(64);
  std::vector<IoEnd> ends(64, IoEnd{77, 77});
  const IoQueueView view = IoQueueView::Over(absl::MakeSpan(bytes), absl::MakeSpan(ends)).value();
  for (u32 slot_id = 0; slot_id < 63; ++slot_id) ASSERT_TRUE(view.Submit(slot_id, Read(slot_id)).ok());
  ASSERT_EQ(Claimed(view).size(), 63u);
  const std::vector<std::byte> before = bytes;
  const struct {
    u32 last_slot;
    StatusCode code;
    const char* text;
  } cases[] = {{63, StatusCode::kFailedPrecondition, "CLAIMED request"},
               {64, StatusCode::kOutOfRange, "valid slot id"},
               {~0u, StatusCode::kOutOfRange, "overflow"},
               {0, StatusCode::kInvalidArgument, "twice"}};
  for (const auto& [last_slot, code, text] : cases) {
    const IoCompletion batch[] = {{0, kOk}, {62, kMediumError}, {last_slot, kOk}};
    const absl::Status completed = view.CompleteBatch(batch);
    EXPECT_EQ(completed.code(), code) << last_slot;
    EXPECT_THAT(Text(completed), HasSubstr(text));
    EXPECT_FALSE(RemedyOf(completed).empty());
    EXPECT_EQ(bytes, before);
    for (const IoEnd& end : ends) ASSERT_EQ(end.cause, 77u);
  }
  const IoCompletion batch[] = {{62, kMediumError}, {0, kOk}};
  EXPECT_TRUE(view.CompleteBatch(batch).ok());
  EXPECT_EQ(SlotOf(bytes, 0).status, layout::kIoOk);
  EXPECT_EQ(SlotOf(bytes, 62).status, layout::kIoError);
  EXPECT_EQ(SlotOf(bytes, 1).status, layout::kClaimed);
  EXPECT_TRUE(view.CompleteBatch({}).ok());
}

// Point 8.
TEST(IoQueueView, CompletingChangesOnlyTheFourStatusBytes) {
  for (const IoEnd& end : {kOk, kMediumError}) {
    std::vector<std::byte> bytes = EmptyQueue(3);
    std::vector<IoEnd> ends(3);
    const IoQueueView view = IoQueueView::Over(absl::MakeSpan(bytes), absl::MakeSpan(ends)).value();
    for (const u32 slot_id : {0u, 1u, 2u}) ASSERT_TRUE(view.Submit(slot_id, Read(slot_id)).ok());
    ASSERT_EQ(Claimed(view).size(), 3u);
    std::vector<std::byte> expected = bytes;
    ASSERT_TRUE(view.Complete(1, end).ok());
    SetStatus(expected, 1, end.ok() ? 0x10 : 0x11);
    EXPECT_EQ(bytes, expected);
    const IoCompletion batch[] = {{2, end}};
    ASSERT_TRUE(view.CompleteBatch(batch).ok());
    SetStatus(expected, 2, end.ok() ? 0x10 : 0x11);
    EXPECT_EQ(bytes, expected);
  }
}

TEST(IoQueueView, ACompletionCarriesBytesAndCauseBesideTheQueue) {
  HostIoQueue queue = HostIoQueue::Create(2).value();
  const IoQueueView view = queue.view();
  for (const u32 slot_id : {0u, 1u}) ASSERT_TRUE(view.Submit(slot_id, Read(50 + slot_id)).ok());
  ASSERT_EQ(Claimed(view).size(), 2u);
  ASSERT_TRUE(view.Complete(0, {static_cast<u32>(IoCause::kNone), 4096}).ok());
  ASSERT_TRUE(view.Complete(1, {static_cast<u32>(IoCause::kEndedEarly), 100}).ok());
  std::vector<IoFinished> finished;
  view.PollCompletions(finished);
  ASSERT_THAT(SlotIds(finished), ElementsAre(0u, 1u));
  EXPECT_TRUE(finished[0].ok);
  EXPECT_EQ(finished[0].tag, 50u);
  EXPECT_EQ(finished[0].end.value().bytes, 4096u);
  EXPECT_EQ(finished[0].end.value().cause, static_cast<u32>(IoCause::kNone));
  EXPECT_FALSE(finished[1].ok);
  EXPECT_EQ(finished[1].tag, 51u);
  EXPECT_EQ(finished[1].end.value().bytes, 100u);
  EXPECT_EQ(finished[1].end.value().cause, static_cast<u32>(IoCause::kEndedEarly));
}

// Point 10.
TEST(IoQueueView, SixtyFourAreTakenAndTheNextIsRefused) {
  for (const bool announced : {false, true}) {
    std::vector<std::byte> bytes = EmptyQueue(64);
    const IoQueueView view = ViewOf(bytes);
    const auto publish = [&](u32 slot_id) {
      return announced ? view.Announce(slot_id, Announcement(slot_id)) : view.Submit(slot_id, Read(slot_id));
    };
    for (u32 slot_id = 0; slot_id < 64; ++slot_id) EXPECT_TRUE(publish(slot_id).ok());
    for (const u32 slot_id : {64u, 65u, 1000u}) {
      const absl::Status published = publish(slot_id);
      EXPECT_EQ(published.code(), StatusCode::kOutOfRange);
      EXPECT_THAT(Text(published), HasSubstr("valid slot id"));
      EXPECT_FALSE(RemedyOf(published).empty());
    }
    std::vector<IoPosting> announcements;
    view.PollAnnouncements(announcements);
    EXPECT_EQ(announcements.size(), announced ? 64u : 0u);
    EXPECT_EQ(Polled(view).size(), announced ? 0u : 64u);
  }
}

// Point 11.
TEST(IoQueueView, NothingIsPublishedIntoASlotInUse) {
  for (const u32 status : {1u, 2u, 3u, 4u, 5u, 6u, 7u, layout::kIoOk, layout::kIoError, ~0u}) {
    std::vector<std::byte> bytes = EmptyQueue(1);
    SetStatus(bytes, 0, status);
    const std::vector<std::byte> before = bytes;
    const bool in_flight = status == layout::kPublished || status == layout::kClaimed;
    for (const absl::Status& published : {ViewOf(bytes).Submit(0, Read(1)), ViewOf(bytes).Announce(0, Announcement(1))}) {
      EXPECT_EQ(published.code(), in_flight ? StatusCode::kResourceExhausted : StatusCode::kFailedPrecondition) << status;
      EXPECT_THAT(Text(published), HasSubstr(in_flight ? "in flight" : "not EMPTY"));
      EXPECT_FALSE(RemedyOf(published).empty());
    }
    EXPECT_EQ(bytes, before);
  }
}

// Point 15.
TEST(IoQueueView, TheRequesterTurnsOkAndErrorIntoEmptyOnce) {
  std::vector<std::byte> bytes = EmptyQueue(4);
  const IoQueueView view = ViewOf(bytes);
  for (u32 slot_id = 0; slot_id < 4; ++slot_id) ASSERT_TRUE(view.Submit(slot_id, Read(60 + slot_id)).ok());
  ASSERT_EQ(Claimed(view).size(), 4u);
  ASSERT_TRUE(view.Complete(1, kOk).ok());
  ASSERT_TRUE(view.Complete(2, kMediumError).ok());
  EXPECT_THAT(Polled(view), IsEmpty());
  EXPECT_THAT(Claimed(view), IsEmpty());
  EXPECT_EQ(SlotOf(bytes, 1).status, layout::kIoOk) << "the host leaves an end for the requester";

  std::vector<IoFinished> finished;
  view.PollCompletions(finished);
  ASSERT_THAT(SlotIds(finished), ElementsAre(1u, 2u));
  EXPECT_TRUE(finished[0].ok);
  EXPECT_EQ(finished[0].tag, 61u);
  EXPECT_FALSE(finished[1].ok);
  EXPECT_EQ(finished[1].tag, 62u);
  EXPECT_FALSE(finished[0].end.has_value()) << "there are no ends beside this queue";
  for (const u32 slot_id : {1u, 2u}) EXPECT_EQ(SlotOf(bytes, slot_id).status, layout::kEmpty);
  for (const u32 slot_id : {0u, 3u}) EXPECT_EQ(SlotOf(bytes, slot_id).status, layout::kClaimed);
  view.PollCompletions(finished);
  EXPECT_THAT(SlotIds(finished), IsEmpty());
  EXPECT_TRUE(view.Submit(1, Read(1)).ok());
}

TEST(IoQueueView, AnnouncementsAndRequestsAreNeverTakenForEachOther) {
  std::vector<std::byte> bytes = EmptyQueue(2);
  const IoQueueView view = ViewOf(bytes);
  for (const u32 op_type : {0u, 4u, 0x7FFFFFFFu, 0x80000000u, layout::kIoAnnounce, ~0u}) {
    IoRequest request = Read(1);
    request.op_type = op_type;
    const absl::Status submitted = view.Submit(0, request);
    EXPECT_EQ(submitted.code(), StatusCode::kInvalidArgument) << op_type;
    EXPECT_THAT(Text(submitted), HasSubstr("no request"));
  }
  for (const u32 op_type : {0u, layout::kIoRead, layout::kIoWrite, layout::kIoFence, 0x80000002u, ~0u}) {
    IoRequest announcement = Read(1);
    announcement.op_type = op_type;
    const absl::Status announced = view.Announce(0, announcement);
    EXPECT_EQ(announced.code(), StatusCode::kInvalidArgument) << op_type;
    EXPECT_THAT(Text(announced), HasSubstr("no announcement"));
  }
  EXPECT_EQ(bytes, EmptyQueue(2));

  ASSERT_TRUE(view.Submit(0, Read(10)).ok());
  ASSERT_TRUE(view.Announce(1, Announcement(11)).ok());
  std::vector<IoPosting> announcements;
  view.PollAnnouncements(announcements);
  ASSERT_THAT(SlotIds(announcements), ElementsAre(1u));
  EXPECT_TRUE(SameWords(announcements[0].words, Announcement(11)));
  EXPECT_EQ(SlotOf(bytes, 0).status, layout::kPublished);
  view.PollAnnouncements(announcements);
  EXPECT_THAT(SlotIds(announcements), IsEmpty()) << "an announcement is taken once";

  ASSERT_TRUE(view.Announce(1, Announcement(12)).ok());
  EXPECT_THAT(Polled(view), ElementsAre(0u));
  EXPECT_THAT(Claimed(view), ElementsAre(0u));
  EXPECT_EQ(SlotOf(bytes, 1).status, layout::kPublished);
}

TEST(IoQueueView, ARequestOfAnUnknownOperationIsClaimedSoThatItCanEnd) {
  std::vector<std::byte> bytes = EmptyQueue(4);
  const IoQueueView view = ViewOf(bytes);
  const u32 op_types[] = {0u, 4u, 0x80000002u, ~0u};
  for (u32 slot_id = 0; slot_id < 4; ++slot_id) {  // as a device writes that does not ask Submit
    std::memcpy(bytes.data() + size_t{slot_id} * sizeof(IoSlot), &op_types[slot_id], sizeof(u32));
    SetStatus(bytes, slot_id, layout::kPublished);
  }
  std::vector<IoPosting> requests;
  view.ClaimRequests(requests);
  ASSERT_THAT(SlotIds(requests), ElementsAre(0u, 1u, 2u, 3u));
  for (const IoPosting& request : requests) {
    EXPECT_EQ(request.words.op_type, op_types[request.slot_id]);
    EXPECT_TRUE(view.Complete(request.slot_id, {static_cast<u32>(IoCause::kBadOperation), 0}).ok());
  }
}

TEST(HostIoQueue, KeepsItsSlotsAndEndsWhenItIsMoved) {
  HostIoQueue queue = HostIoQueue::Create(64).value();
  ASSERT_TRUE(queue.view().Submit(63, Read(5)).ok());
  const HostIoQueue moved = std::move(queue);
  EXPECT_EQ(moved.view().slot_count(), 64u);
  EXPECT_THAT(Claimed(moved.view()), ElementsAre(63u));
  ASSERT_TRUE(moved.view().Complete(63, kMediumError).ok());
  std::vector<IoFinished> finished;
  moved.view().PollCompletions(finished);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].end.value().bytes, 512u);
}

}  // namespace
}  // namespace penstock
