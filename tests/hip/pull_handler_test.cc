// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PULL, with a host that ends its reads as a test says. What a run of them makes of files is in tests/runtime/pull_test.cc.
#include "penstock/device/pull_handler.h"

#include <gtest/gtest.h>
#include <isa-l/crc.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "tests/fakes/fake_io_service.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using fakes::FakeIoService;
using layout::FaultReason;
using layout::IoCause;
using layout::PullExtent;

constexpr u32 kSource = 0x10007;
constexpr u32 kPieceBytes = 256;
constexpr u32 kPieces = 2;
constexpr u32 kCursorWord = 5;

class Pulls : public testing::TestWithParam<Shape> {
 protected:
  void Make(absl::Duration slot_limit = kPatience) {
    TestOptions options = OptionsFor(GetParam());
    options.io_queues = 1;
    options.slot_limit = slot_limit;
    device_ = MakeDevice(options);
    service_.emplace(device_->io_queues());
    for (u32 i = 0; i < kExtents; ++i) list_[i] = {i * 10'000u, kPieceBytes, kSource, 0, 0, 0, 0};
    list_handle_ = Register(*device_, {reinterpret_cast<u8*>(list_.data()), sizeof(list_)});
    bytes_handle_ = Register(*device_, absl::MakeSpan(bytes_), layout::kBufferRead);
    ASSERT_TRUE(device_->Start().ok());
  }

  /// A slot that pulls into one piece of the memory, whose destination has the piece's number.
  Work PullInto(u32 piece) const {
    Work work = {.opcode = layout::kPull};
    layout::EncodePull(
        {list_handle_, 0, sizeof(list_), bytes_handle_, u64{piece} * kPieceBytes, piece, kCursorWord, /*wants_crc32c=*/1},
        work.argument.data());
    return work;
  }

  /// What PULL has noted of an extent. Requires: its slot has ended.
  void ExpectNoted(u32 extent, IoCause cause, u32 landed_bytes) const {
    EXPECT_EQ(list_[extent].pulled, 1u) << extent;
    EXPECT_EQ(list_[extent].cause, static_cast<u32>(cause)) << extent;
    EXPECT_EQ(list_[extent].landed_bytes, landed_bytes) << extent;
  }

  /// Ends a read well, its piece filled with `value`.
  void Land(const FakeIoService::Taken& read, u8 value) {
    std::fill_n(&bytes_[read.request.destination_handle * kPieceBytes], kPieceBytes, value);
    service_->End(read, {0, kPieceBytes});
  }
  static u32 CrcOf(u8 value) {
    return ~crc32_iscsi(std::vector<u8>(kPieceBytes, value).data(), static_cast<int>(kPieceBytes), 0xFFFFFFFFu);
  }

  static constexpr u32 kExtents = 3;
  std::array<PullExtent, kExtents> list_ = {};
  std::array<u8, kPieces* kPieceBytes> bytes_ = {};
  std::unique_ptr<Device> device_;
  std::optional<FakeIoService> service_;
  u32 list_handle_ = 0;
  u32 bytes_handle_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Shapes, Pulls, AllShapes(), ShapeName);

TEST_P(Pulls, TakeOneExtentAfterTheOtherIntoTheSamePiece) {
  Make();
  const Ticket ticket = Publish(*device_, PullInto(1));
  for (u32 i = 0; i < kExtents; ++i) {
    const FakeIoService::Taken read = service_->Take();
    EXPECT_EQ(read.request.source_handle, kSource);
    EXPECT_EQ(read.request.destination_handle, 1u);
    EXPECT_EQ(read.request.offset_bytes, i * 10'000u);
    EXPECT_EQ(read.request.byte_count, kPieceBytes);
    Land(read, static_cast<u8>(i + 1));
  }
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), kExtents);
  for (u32 i = 0; i < kExtents; ++i) {
    ExpectNoted(i, IoCause::kNone, kPieceBytes);
    EXPECT_EQ(list_[i].crc32c, CrcOf(static_cast<u8>(i + 1)));
  }
}

TEST_P(Pulls, GoOnAfterAReadThatTheHostHasEnded) {
  Make();
  const Ticket ticket = Publish(*device_, PullInto(0));
  service_->End(service_->Take(), {static_cast<u32>(IoCause::kTimedOut), 0});
  service_->End(service_->Take(), {static_cast<u32>(IoCause::kEndedEarly), 100});
  Land(service_->Take(), 9);
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), kExtents);
  ExpectNoted(0, IoCause::kTimedOut, 0);
  ExpectNoted(1, IoCause::kEndedEarly, 100);
  ExpectNoted(2, IoCause::kNone, kPieceBytes);
  EXPECT_EQ(list_[2].crc32c, CrcOf(9));
}

TEST_P(Pulls, ReadNothingIntoAPieceWhoseReadWasGivenUpAndLeaveTheRestToOthers) {
  Make(absl::Seconds(1));  // of the answered ones below, too
  const Ticket gives_up = Publish(*device_, PullInto(0));
  const FakeIoService::Taken late = service_->Take();
  const Completion completion = WaitFor(*device_, gives_up);
  FakeIoService::Taken none;
  EXPECT_FALSE(service_->TryTake(0, none)) << "its piece is still in use";
  ExpectFault(completion, FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
  ExpectNoted(0, IoCause::kGivenUp, 0);
  EXPECT_EQ(list_[1].pulled, 0u);

  const Ticket goes_on = Publish(*device_, PullInto(1));
  const FakeIoService::Taken second = service_->Take();
  EXPECT_EQ(second.request.tag, 1u);
  Land(late, 1);
  Land(second, 2);
  Land(service_->Take(), 3);
  EXPECT_EQ(ResultOf(WaitFor(*device_, goes_on)), 2u);
  ExpectNoted(0, IoCause::kGivenUp, 0);
  EXPECT_EQ(list_[1].crc32c, CrcOf(2));
  EXPECT_EQ(list_[2].crc32c, CrcOf(3));
}

TEST_P(Pulls, AreRefusedWithAListThatIsNotAligned) {
  Make();
  Work work = {.opcode = layout::kPull};
  layout::EncodePull({list_handle_, 4, sizeof(PullExtent), bytes_handle_, 0, 0, kCursorWord, 0}, work.argument.data());
  ExpectFault(RunWork(*device_, work), FaultReason::kMisaligned, 4);
}

}  // namespace
}  // namespace penstock
