// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <latch>
#include <string>
#include <thread>

#include "penstock/error.h"
#include "penstock/layout/load_miss.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::Edge;
using layout::Slot;
using testing::HasSubstr;

absl::Span<const std::byte> BytesOf(const Slot& slot) { return {reinterpret_cast<const std::byte*>(&slot), sizeof(Slot)}; }
absl::Span<std::byte> BufferOf(Slot& slot) { return {reinterpret_cast<std::byte*>(&slot), sizeof(Slot)}; }

std::string Text(const absl::Status& status) { return std::string(status.message()); }

Slot PublishedSlot(u32 seed) {
  Slot slot;
  for (u32 i = 0; i < layout::kSlotWords; ++i) slot.word[i] = seed + i;
  slot.word[layout::kStatusWord] = layout::kPublished;
  return slot;
}

HostRing MakeRing(u32 slot_count) { return HostRing::Create(slot_count).value(); }

Slot Read(const RingConsumer& ring, u32 slot_index) {
  Slot slot{};
  EXPECT_TRUE(ring.ReadSlot(slot_index, BufferOf(slot)).ok());
  return slot;
}

TEST(HostRing, RefusesMoreThan1048576Slots) {
  EXPECT_EQ(HostRing::Create(1'048'577).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(HostRing::Create(~0u).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(HostRing::Over({}, 1'048'577).status().code(), StatusCode::kInvalidArgument);
  const auto largest = HostRing::Create(1'048'576);
  ASSERT_TRUE(largest.ok());
  EXPECT_EQ(largest->slot_count(), 1'048'576u);
}

TEST(HostRing, NamesAreStable) {
  EXPECT_EQ(MakeRing(1).name(), "in-process-host");
  EXPECT_EQ(kUringCommandNvmeRing, "uring-cmd-nvme");
}

TEST(HostRing, PublishAndReadTakeExactly64Bytes) {
  HostRing ring = MakeRing(2);
  std::array<std::byte, 128> bytes{};
  bytes[0] = std::byte{layout::kPublished};
  for (const size_t length : {0u, 1u, 60u, 63u, 65u, 128u}) {
    const absl::Status published = ring.Publish(0, absl::MakeConstSpan(bytes.data(), length));
    EXPECT_EQ(published.code(), StatusCode::kInvalidArgument) << length;
    EXPECT_THAT(Text(published), HasSubstr("misaligned length"));
    const absl::Status read = ring.ReadSlot(0, absl::MakeSpan(bytes.data(), length));
    EXPECT_EQ(read.code(), StatusCode::kInvalidArgument) << length;
    EXPECT_THAT(Text(read), HasSubstr("misaligned length"));
  }
  EXPECT_EQ(Read(ring, 0).word[layout::kStatusWord], layout::kEmpty);
}

TEST(HostRing, ASlotBeyondTheCountIsAMissingWordOnPublishAndRead) {
  HostRing ring = MakeRing(4);
  Slot slot = PublishedSlot(1);
  for (const u32 slot_index : {4u, 5u, 0x10000000u, ~0u}) {
    const absl::Status published = ring.Publish(slot_index, BytesOf(slot));
    EXPECT_EQ(published.code(), StatusCode::kOutOfRange) << slot_index;
    EXPECT_THAT(Text(published), HasSubstr("missing word"));
    const absl::Status read = ring.ReadSlot(slot_index, BufferOf(slot));
    EXPECT_EQ(read.code(), StatusCode::kOutOfRange) << slot_index;
    EXPECT_THAT(Text(read), HasSubstr("missing word"));
  }
  EXPECT_EQ(MakeRing(0).Publish(0, BytesOf(slot)).code(), StatusCode::kOutOfRange);
}

TEST(HostRing, BytesShorterThanTheSlotsAreAMissingWord) {
  alignas(64) std::array<std::byte, 256> bytes{};
  for (const size_t length : {0u, 4u, 64u, 252u, 255u}) {
    const auto ring = HostRing::Over(absl::MakeSpan(bytes.data(), length), 4);
    EXPECT_EQ(ring.status().code(), StatusCode::kOutOfRange) << length;
    EXPECT_THAT(Text(ring.status()), HasSubstr("missing word"));
  }
  EXPECT_TRUE(HostRing::Over(absl::MakeSpan(bytes), 4).ok());
  EXPECT_TRUE(HostRing::Over(absl::MakeSpan(bytes), 3).ok());
  EXPECT_TRUE(HostRing::Over({}, 0).ok());
}

TEST(HostRing, BytesThatAreNotAlignedToWordsAreRefused) {
  alignas(64) std::array<std::byte, 128> bytes{};
  EXPECT_EQ(HostRing::Over(absl::MakeSpan(bytes.data() + 1, 64), 1).status().code(), StatusCode::kInvalidArgument);
}

TEST(HostRing, PublishedBytesAreReadBack) {
  HostRing ring = MakeRing(3);
  const Slot slot = PublishedSlot(100);
  ASSERT_TRUE(ring.Publish(1, BytesOf(slot)).ok());
  const Slot read = Read(ring, 1);
  EXPECT_EQ(std::memcmp(&slot, &read, sizeof(Slot)), 0);
  for (const u32 other : {0u, 2u}) {
    const Slot untouched = Read(ring, other);
    for (const u32 word : untouched.word) EXPECT_EQ(word, 0u);
  }
}

TEST(HostRing, WorksInStorageThatIsHandedIn) {
  alignas(64) std::array<std::byte, 128> bytes{};
  HostRing ring = HostRing::Over(absl::MakeSpan(bytes), 2).value();
  const Slot slot = PublishedSlot(7);
  ASSERT_TRUE(ring.Publish(1, BytesOf(slot)).ok());
  EXPECT_EQ(std::memcmp(bytes.data() + 64, &slot, sizeof(Slot)), 0);
}

TEST(HostRing, KeepsItsSlotsWhenItIsMoved) {
  HostRing ring = MakeRing(1);
  ASSERT_TRUE(ring.Publish(0, BytesOf(PublishedSlot(5))).ok());
  const HostRing moved = std::move(ring);
  EXPECT_EQ(Read(moved, 0).word[layout::kOpcodeWord], 6u);
}

TEST(HostRing, ALoadMissRoundTrips) {
  HostRing ring = MakeRing(1);
  const Slot slot = layout::EncodeLoadMiss({.resource_id = 0xC0FFEE, .prefetch = true});
  ASSERT_TRUE(ring.Publish(0, BytesOf(slot)).ok());
  layout::LoadMiss miss{};
  ASSERT_TRUE(layout::DecodeLoadMiss(Read(ring, 0), miss));
  EXPECT_EQ(miss.resource_id, 0xC0FFEEu);
  EXPECT_TRUE(miss.prefetch);
}

TEST(HostRing, DoneCountIsTwoAfterTwoSlotsAreDone) {
  HostRing ring = MakeRing(4);
  EXPECT_EQ(ring.DoneCount(), 0u);
  for (const u32 slot_index : {1u, 3u}) {
    ASSERT_TRUE(ring.Publish(slot_index, BytesOf(PublishedSlot(0))).ok());
    ASSERT_TRUE(ring.view().Claim(slot_index).ok());
    ASSERT_TRUE(ring.view().Done(slot_index, 0).ok());
  }
  EXPECT_EQ(ring.DoneCount(), 2u);
  EXPECT_EQ(MakeRing(0).DoneCount(), 0u);
}

TEST(HostRing, PublishRefusesBytesWhoseStatusIsNotPublished) {
  HostRing ring = MakeRing(1);
  for (const u32 status : {layout::kEmpty, layout::kClaimed, layout::kDone, layout::kFault, ~0u}) {
    Slot slot = PublishedSlot(0);
    slot.word[layout::kStatusWord] = status;
    EXPECT_EQ(ring.Publish(0, BytesOf(slot)).code(), StatusCode::kInvalidArgument) << status;
  }
  EXPECT_EQ(Read(ring, 0).word[layout::kStatusWord], layout::kEmpty);
}

TEST(RingView, ResultAndFaultReasonStandInWords14And15) {
  HostRing ring = MakeRing(2);
  const RingView view = ring.view();
  for (const u32 slot_index : {0u, 1u}) {
    ASSERT_TRUE(ring.Publish(slot_index, BytesOf(PublishedSlot(0))).ok());
    ASSERT_TRUE(view.Claim(slot_index).ok());
  }
  ASSERT_TRUE(view.Done(0, 0x1122334455667788u).ok());
  EXPECT_EQ(Read(ring, 0).word[14], 0x55667788u);
  EXPECT_EQ(Read(ring, 0).word[15], 0x11223344u);
  ASSERT_TRUE(view.Fault(1, layout::FaultReason::kUnknownOpcode, 0xBEEF).ok());
  EXPECT_EQ(Read(ring, 1).word[14], 0xBEEFu);
  EXPECT_EQ(Read(ring, 1).word[15], static_cast<u32>(layout::FaultReason::kUnknownOpcode));
}

absl::Status Take(const RingView& view, Edge edge) {
  switch (edge) {
    case Edge::kPublish: return view.Publish(0, BytesOf(PublishedSlot(1000)));
    case Edge::kClaim: return view.Claim(0);
    case Edge::kDone: return view.Done(0, ~u64{0});
    case Edge::kFault: return view.Fault(0, layout::FaultReason::kDeadline, 3);
    case Edge::kAcknowledge: return view.Acknowledge(0);
    case Edge::kCancel: return view.Cancel(0);
    default: return absl::UnimplementedError("not an edge of the view");
  }
}

TEST(RingView, TakesTheLegalEdgesAndARefusedOneChangesNothing) {
  const struct {
    Edge edge;
    u32 to_status;
  } edges[] = {{Edge::kPublish, layout::kPublished}, {Edge::kClaim, layout::kClaimed},     {Edge::kDone, layout::kDone},
               {Edge::kFault, layout::kFault},       {Edge::kAcknowledge, layout::kEmpty}, {Edge::kCancel, layout::kEmpty}};
  for (const auto& [edge, to_status] : edges) {
    for (const u32 status : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, ~0u}) {
      Slot slot = PublishedSlot(500);
      slot.word[layout::kStatusWord] = status;
      const Slot before = slot;
      const absl::Status taken = Take(RingView::Over(BufferOf(slot), 1).value(), edge);
      SCOPED_TRACE(testing::Message() << "edge " << static_cast<int>(edge) << " from " << status);
      EXPECT_EQ(taken.ok(), layout::IsLegalEdge(edge, status)) << taken;
      EXPECT_EQ(slot.word[layout::kStatusWord], taken.ok() ? to_status : status);
      if (taken.ok()) continue;
      EXPECT_EQ(std::memcmp(&slot, &before, sizeof(Slot)), 0);
      EXPECT_FALSE(RemedyOf(taken).empty());
    }
  }
}

TEST(RingView, PublishIntoASlotInFlightIsResourceExhausted) {
  for (u32 status = 0; status <= layout::kFault; ++status) {
    Slot slot{};
    slot.word[layout::kStatusWord] = status;
    const StatusCode code = Take(RingView::Over(BufferOf(slot), 1).value(), Edge::kPublish).code();
    if (status == layout::kEmpty || status == layout::kDone) {
      EXPECT_EQ(code, StatusCode::kOk);
    } else {
      EXPECT_EQ(code, status == layout::kFault ? StatusCode::kFailedPrecondition : StatusCode::kResourceExhausted) << status;
    }
  }
}

TEST(RingView, EveryEdgeOfASlotBeyondTheCountIsAMissingWord) {
  HostRing ring = MakeRing(1);
  const RingView view = ring.view();
  for (const absl::Status& status : {view.Claim(1), view.Done(1, 0), view.Fault(~0u, layout::FaultReason::kDeadline, 0),
                                     view.Acknowledge(~0u), view.Cancel(1)}) {
    EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
    EXPECT_THAT(Text(status), HasSubstr("missing word"));
  }
}

TEST(RingView, ClaimAndCancelNeverBothTakeASlot) {
  HostRing ring = MakeRing(1);
  const RingView view = ring.view();
  for (u32 round = 0; round < 1000; ++round) {
    ASSERT_TRUE(ring.Publish(0, BytesOf(PublishedSlot(round))).ok());
    bool claimed = false;
    std::latch both_are_ready(2);
    std::thread claimer([&] {
      both_are_ready.arrive_and_wait();
      claimed = view.Claim(0).ok();
    });
    both_are_ready.arrive_and_wait();
    const bool taken_back = view.Cancel(0).ok();
    claimer.join();
    ASSERT_NE(claimed, taken_back);
    ASSERT_EQ(view.Done(0, 0).ok(), claimed);
  }
}

TEST(HostRing, APublishedPayloadIsWholeWhenAnotherThreadClaimsIt) {
  HostRing ring = MakeRing(1);
  constexpr u32 kRounds = 5000;
  std::jthread consumer([&ring] {
    for (u32 round = 0; round < kRounds; ++round) {
      while (!ring.view().Claim(0).ok()) std::this_thread::yield();
      const Slot slot = Read(ring, 0);
      for (u32 i = 1; i < layout::kSlotWords; ++i) EXPECT_EQ(slot.word[i], round + i);
      EXPECT_TRUE(ring.view().Done(0, round).ok());
    }
  });
  for (u32 round = 0; round < kRounds; ++round) {
    const Slot slot = PublishedSlot(round);
    while (!ring.Publish(0, BytesOf(slot)).ok()) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace penstock
