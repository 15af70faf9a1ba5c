// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/io_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "penstock/error.h"
#include "tests/fakes/counting_allocator.h"
#include "tests/runtime/io_queue_rig.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::IoEnd;
using testing::ElementsAre;
using testing::HasSubstr;

// Point 2.
TEST(IoQueueView, EncodingIntoALargerBufferGivesExactlyTheSlotsZeroBytesInTheSameStorage) {
  for (const u32 slots : {0u, 1u, 3u, 64u}) {
    std::vector<std::byte> bytes(5000, std::byte{0xAB});
    const std::byte* const storage = bytes.data();
    const uint64_t allocations = fakes::AllocationCount();
    ASSERT_TRUE(EncodeEmptyIoQueue(slots, bytes).ok());
    EXPECT_EQ(fakes::AllocationCount(), allocations);
    EXPECT_EQ(bytes.data(), storage);
    EXPECT_EQ(bytes.size(), size_t{slots} * 32);
    for (const std::byte byte : bytes) ASSERT_EQ(byte, std::byte{0});
  }
}

// Point 4, for each of the polls. `fill` makes slots that `poll` finds; a poll need not take them.
template <typename Item>
void ExpectExactStorage(const std::function<void(const IoQueueView&, u32)>& fill,
                        void (IoQueueView::*poll)(std::vector<Item>&) const) {
  std::vector<std::byte> bytes = EmptyQueue(64);
  const IoQueueView view = ViewOf(bytes);
  std::vector<Item> items;
  uint64_t before = fakes::AllocationCount();
  (view.*poll)(items);
  EXPECT_EQ(fakes::AllocationCount() - before, 0u) << "an empty queue allocates nothing";
  EXPECT_EQ(items.capacity(), 0u);

  for (const u32 slot_id : {3u, 40u, 63u}) fill(view, slot_id);
  before = fakes::AllocationCount();
  (view.*poll)(items);
  EXPECT_EQ(fakes::AllocationCount() - before, 1u);
  EXPECT_THAT(SlotIds(items), ElementsAre(3u, 40u, 63u));
  EXPECT_EQ(items.capacity(), 3u) << "a sparse queue reserves only what is published";

  std::vector<Item> warm(64);
  const Item* const storage = warm.data();
  for (u32 round = 0; round < 10; ++round) {
    ASSERT_TRUE(EncodeEmptyIoQueue(64, bytes).ok());
    for (u32 slot_id = round; slot_id < 64; ++slot_id) fill(view, slot_id);
    before = fakes::AllocationCount();
    (view.*poll)(warm);
    EXPECT_EQ(fakes::AllocationCount() - before, 0u) << "a warm vector never reallocates";
    EXPECT_EQ(warm.data(), storage);
    EXPECT_EQ(warm.size(), 64u - round);
  }
}

void FillWithRequest(const IoQueueView& view, u32 slot_id) { ASSERT_TRUE(view.Submit(slot_id, Read(slot_id)).ok()); }
void FillWithAnnouncement(const IoQueueView& view, u32 slot_id) {
  ASSERT_TRUE(view.Announce(slot_id, Announcement(slot_id)).ok());
}

TEST(IoQueueView, PollReusesStorageAndReservesWhatIsPublished) {
  ExpectExactStorage<IoPosting>(FillWithRequest, &IoQueueView::PollRequests);
}

TEST(IoQueueView, ClaimReusesStorageAndReservesWhatIsPublished) {
  ExpectExactStorage<IoPosting>(FillWithRequest, &IoQueueView::ClaimRequests);
}

TEST(IoQueueView, PollingAnnouncementsReusesStorageAndReservesWhatIsPublished) {
  ExpectExactStorage<IoPosting>(FillWithAnnouncement, &IoQueueView::PollAnnouncements);
}

TEST(IoQueueView, PollingCompletionsReusesStorageAndReservesWhatHasEnded) {
  std::vector<IoPosting> requests(64);
  const auto fill = [&requests](const IoQueueView& view, u32 slot_id) {
    FillWithRequest(view, slot_id);
    view.ClaimRequests(requests);
    ASSERT_TRUE(view.Complete(slot_id, kOk).ok());
  };
  ExpectExactStorage<IoFinished>(fill, &IoQueueView::PollCompletions);
}

// Point 9.
TEST(IoQueueView, MoreThan64SlotsAreRefused) {
  for (const u32 slots : {65u, 1000u, ~0u}) {
    std::vector<std::byte> bytes(40, std::byte{0xAB});
    const absl::Status encoded = EncodeEmptyIoQueue(slots, bytes);
    EXPECT_EQ(encoded.code(), StatusCode::kInvalidArgument) << slots;
    EXPECT_THAT(Text(encoded), HasSubstr("64 slots"));
    EXPECT_EQ(bytes, std::vector<std::byte>(40, std::byte{0xAB}));
    EXPECT_EQ(HostIoQueue::Create(slots).status().code(), StatusCode::kInvalidArgument);
  }
}

// Point 12.
TEST(IoQueueView, BytesThatAreNoQueueAreRefusedEachWithItsOwnError) {
  alignas(64) static std::byte bytes[4096] = {};
  const struct {
    size_t length_bytes;
    const char* text;
  } cases[] = {{1, "multiple of 4:"},   {31, "multiple of 4:"},    {2081, "multiple of 4:"}, {4, "multiple of 32:"},
               {36, "multiple of 32:"}, {2084, "multiple of 32:"}, {2080, "64 slots"},       {4096, "64 slots"}};
  for (const auto& [length_bytes, text] : cases) {
    const absl::Status refused = IoQueueView::Over(absl::MakeSpan(bytes, length_bytes)).status();
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << length_bytes;
    EXPECT_FALSE(RemedyOf(refused).empty());
    for (const char* other : {"multiple of 4:", "multiple of 32:", "64 slots"}) {
      EXPECT_EQ(Text(refused).find(other) != std::string::npos, std::string(other) == text) << refused;
    }
  }
  const absl::Status misaligned = IoQueueView::Over(absl::MakeSpan(bytes + 2, 64)).status();
  EXPECT_EQ(misaligned.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Text(misaligned), HasSubstr("misaligned"));
  for (const size_t slots : {0u, 1u, 64u}) {
    EXPECT_EQ(IoQueueSlotsIn(absl::MakeSpan(bytes, slots * 32)).value(), slots);
  }
}

TEST(IoQueueView, EndsBesideItAreOneForEachSlotOrNone) {
  std::vector<std::byte> bytes = EmptyQueue(4);
  std::vector<IoEnd> ends(5);
  EXPECT_TRUE(IoQueueView::Over(absl::MakeSpan(bytes), absl::MakeSpan(ends)).ok());
  const absl::Status refused = IoQueueView::Over(absl::MakeSpan(bytes), absl::MakeSpan(ends.data(), 3)).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Text(refused), HasSubstr("only 3 ends"));

  const IoQueueView none = IoQueueView::Over(absl::MakeSpan(bytes), absl::MakeSpan(ends.data(), 0)).value();
  ASSERT_TRUE(none.Submit(0, Read(1)).ok());
  std::vector<IoPosting> requests;
  none.ClaimRequests(requests);
  ASSERT_TRUE(none.Complete(0, kMediumError).ok());
  EXPECT_EQ(ends[0].bytes, 0u);
  std::vector<IoFinished> finished;
  none.PollCompletions(finished);
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_FALSE(finished[0].end.has_value());
}

// Point 13.
TEST(IoQueueView, IndexArithmeticThatWouldOverflowIsAnError) {
  constexpr u32 kFirstThatOverflows = 1u << 27;  // times 32 bytes
  EXPECT_EQ(IoSlotOffsetBytes(kFirstThatOverflows - 1).value(), 0xFFFFFFE0u);
  std::vector<std::byte> bytes = EmptyQueue(64);
  const IoQueueView view = ViewOf(bytes);
  for (const u32 slot_id : {kFirstThatOverflows, kFirstThatOverflows + 1, ~0u}) {
    for (const absl::Status& status : {IoSlotOffsetBytes(slot_id).status(), view.Submit(slot_id, Read(1)),
                                       view.Announce(slot_id, Announcement(1)), view.Complete(slot_id, kOk)}) {
      EXPECT_EQ(status.code(), StatusCode::kOutOfRange) << slot_id;
      EXPECT_THAT(Text(status), HasSubstr("overflow"));
    }
  }
  EXPECT_EQ(bytes, EmptyQueue(64));
}

// Point 14.
TEST(IoQueueView, BytesStayAlignedThroughEveryMutation) {
  std::vector<std::byte> bytes(5000, std::byte{0xAB});
  ASSERT_TRUE(EncodeEmptyIoQueue(5, bytes).ok());
  const IoQueueView view = ViewOf(bytes);
  const std::byte* const storage = bytes.data();
  const auto expect_aligned = [&] {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.data()) % 4, 0u);
    EXPECT_EQ(bytes.data(), storage);
    EXPECT_EQ(bytes.size(), 160u);
    EXPECT_EQ(IoQueueSlotsIn(bytes).value(), 5u);
  };
  std::vector<IoPosting> postings;
  std::vector<IoFinished> finished;
  const IoCompletion batch[] = {{0, kOk}};
  const std::function<void()> mutations[] = {[&] { ASSERT_TRUE(view.Submit(0, Read(1)).ok()); },
                                             [&] { ASSERT_TRUE(view.Submit(3, Read(2)).ok()); },
                                             [&] { ASSERT_TRUE(view.Announce(4, Announcement(3)).ok()); },
                                             [&] { view.ClaimRequests(postings); },
                                             [&] { ASSERT_TRUE(view.CompleteBatch(batch).ok()); },
                                             [&] { ASSERT_TRUE(view.Complete(3, kMediumError).ok()); },
                                             [&] { view.PollAnnouncements(postings); },
                                             [&] { view.PollCompletions(finished); },
                                             [&] { ASSERT_TRUE(EncodeEmptyIoQueue(5, bytes).ok()); }};
  for (const auto& mutate : mutations) {
    mutate();
    expect_aligned();
  }
  EXPECT_THAT(SlotIds(finished), ElementsAre(0u, 3u));
}

}  // namespace
}  // namespace penstock
