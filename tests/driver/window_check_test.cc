// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// That a check of a window finds what is wrong: reads that misbehave as scripted, into host memory in the window's place.
#include "driver/window_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "absl/strings/str_cat.h"
#include "penstock/buffer_pool.h"
#include "penstock/error.h"
#include "tests/driver/temp_file.h"
#include "tests/fakes/fake_read_queue.h"

namespace penstock {
namespace {

using fakes::FakeReadQueue;
using fakes::FaultKind;
using testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;
constexpr size_t kPage = 4096;

/// Does something to memory after every read, and counts its commands.
class StrayingQueue final : public ReadQueue {
 public:
  explicit StrayingQueue(ReadQueue& queue) : queue_(queue) {}

  std::function<void(const RawRead&)> after = [](const RawRead&) {};

  ReadPath path() const override { return queue_.path(); }
  uint32_t capacity() const override { return queue_.capacity(); }
  void Attach(const Volume& volume) override { queue_.Attach(volume); }
  void Detach(const Volume& volume) override { queue_.Detach(volume); }
  bool TryQueue(const RawRead& read) override {
    last_ = read;
    return queue_.TryQueue(read);
  }
  absl::Status Submit() override { return queue_.Submit(); }
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override {
    const absl::StatusOr<size_t> count = queue_.Wait(completions, timeout);
    if (count.ok() && *count > 0) after(last_);
    if (count.ok()) commands_ += *count;
    return count;
  }
  void Cancel(uint64_t user_data) override { queue_.Cancel(user_data); }
  uint64_t bounce_bytes() const override { return 0; }
  uint64_t command_count() const override { return commands_; }

 private:
  ReadQueue& queue_;
  RawRead last_;
  uint64_t commands_ = 0;
};

class CheckOfAWindow : public testing::Test {
 protected:
  WindowCheck Run(const std::vector<WindowPlace>& places = {{0, 64 << 10}, {kMiB - (64 << 10), 64 << 10}}) {
    const Volume volume = file.Open();
    const absl::StatusOr<WindowCheck> check = driver::CheckPlaces({.window = pool.buffer(0),
                                                                   .queue = &queue,
                                                                   .plain = &plain,
                                                                   .plain_memory = host.buffer(0),
                                                                   .volume = &volume,
                                                                   .compare = compare,
                                                                   .read_timeout = absl::Milliseconds(50)},
                                                                  places);
    EXPECT_TRUE(check.ok()) << check.status();
    return *check;
  }

  TempFile file{300'000};
  BufferPool pool = BufferPool::Create({.buffer_bytes = kMiB, .buffer_count = 1}).value();
  BufferPool host = BufferPool::Create({.buffer_bytes = kWindowPlaceBytes, .buffer_count = 1}).value();
  FakeReadQueue fake{{}};
  StrayingQueue queue{fake};
  FakeReadQueue plain{{}};
  DeviceComparison compare;
};

TEST_F(CheckOfAWindow, IsFineWhereEveryByteIsRight) {
  const WindowCheck check = Run();
  EXPECT_TRUE(check.status.ok()) << check.status;
  EXPECT_EQ(check.compared_with, "pread");
  EXPECT_EQ(check.commands, 2u);
  ASSERT_EQ(check.places.size(), 2u);
  for (const PlaceCheck& place : check.places) {
    EXPECT_TRUE(place.status.ok()) << place.status;
    EXPECT_EQ(place.first_difference, std::nullopt);
    EXPECT_EQ(place.is_right_on_device, std::nullopt);
    EXPECT_EQ(place.are_neighbours_intact, true);
    EXPECT_TRUE(IsPattern(pool.buffer(0).subspan(place.place.offset_bytes, 64 << 10), place.volume_offset_bytes));
  }
  EXPECT_EQ(check.places[1].volume_offset_bytes, 64u << 10) << "other bytes than in the first place";
  EXPECT_EQ(fake.attached_count(), 0u);
}

TEST_F(CheckOfAWindow, FindsReadsThatDeliverNothing) {
  fake.Inject({.kind = FaultKind::kNothingDelivered, .offset_bytes = 64 << 10});
  const WindowCheck check = Run();
  EXPECT_EQ(check.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(CauseOf(check.status), HasSubstr(absl::StrCat("at offset ", kMiB - (64 << 10), " of the window")));
  EXPECT_THAT(CauseOf(check.status), HasSubstr("65536 of 65536 were not written at all"));
  EXPECT_TRUE(check.places[0].status.ok());
  EXPECT_EQ(check.places[1].first_difference, 0u);
  EXPECT_EQ(check.places[1].untouched_bytes, 64u << 10);
}

TEST_F(CheckOfAWindow, FindsASingleWrongByte) {
  queue.after = [](const RawRead& read) { read.destination[12'345] ^= std::byte{1}; };
  const WindowCheck check = Run();
  EXPECT_EQ(check.status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(check.places[0].first_difference, 12'345u);
  EXPECT_EQ(check.places[0].untouched_bytes, 0u);
  EXPECT_EQ(check.places[0].are_neighbours_intact, true);
}

TEST_F(CheckOfAWindow, FindsWritesBesideThePlace) {
  for (const ptrdiff_t beside : {ptrdiff_t{-1}, ptrdiff_t{8192}, -ptrdiff_t{kPage}, ptrdiff_t{8192 + kPage - 1}}) {
    queue.after = [beside](const RawRead& read) { read.destination[beside] = std::byte{0}; };
    const WindowCheck check = Run({{512 << 10, 8192}});
    EXPECT_EQ(check.status.code(), absl::StatusCode::kDataLoss) << beside;
    EXPECT_THAT(CauseOf(check.status), HasSubstr("beside its place"));
    EXPECT_EQ(check.places[0].are_neighbours_intact, false);
    EXPECT_EQ(check.places[0].first_difference, std::nullopt);
  }
}

TEST_F(CheckOfAWindow, TellsWhyAReadFailedAndTriesTheOtherPlaces) {
  fake.Inject({.kind = FaultKind::kError, .value = EFAULT, .offset_bytes = 0});
  const WindowCheck check = Run();
  ASSERT_EQ(check.places.size(), 2u);
  EXPECT_EQ(ErrnoOf(check.places[0].status), EFAULT);
  EXPECT_EQ(check.places[0].are_neighbours_intact, std::nullopt);
  EXPECT_TRUE(check.places[1].status.ok());
  EXPECT_EQ(ErrnoOf(check.status), EFAULT);
}

TEST_F(CheckOfAWindow, EndsWithAReadThatCannotBeGivenUp) {
  fake.Inject({.kind = FaultKind::kStuckUntilCancelled});
  const WindowCheck check = Run();
  EXPECT_EQ(check.places.size(), 1u);
  EXPECT_EQ(check.status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(CheckOfAWindow, AsksTheDeviceForEveryPlace) {
  std::vector<uint64_t> asked;
  compare = [&](uint64_t offset, absl::Span<const std::byte> expected) -> absl::StatusOr<bool> {
    asked.push_back(offset);
    return std::equal(expected.begin(), expected.end(), pool.buffer(0).begin() + static_cast<ptrdiff_t>(offset));
  };
  WindowCheck check = Run();
  EXPECT_TRUE(check.status.ok()) << check.status;
  EXPECT_EQ(asked, std::vector<uint64_t>({0, kMiB - (64 << 10)}));
  EXPECT_EQ(check.places[0].is_right_on_device, true);
  compare = [](uint64_t, absl::Span<const std::byte>) -> absl::StatusOr<bool> { return false; };
  check = Run();
  EXPECT_EQ(check.places[0].is_right_on_device, false);
  EXPECT_EQ(check.places[0].first_difference, std::nullopt) << "the CPU sees them as they should be";
  EXPECT_THAT(CauseOf(check.status), HasSubstr("the device sees other bytes"));
  compare = [](uint64_t, absl::Span<const std::byte>) -> absl::StatusOr<bool> {
    return MakeError(absl::StatusCode::kUnavailable, What("the device is lost"), Fix("open it again"));
  };
  check = Run();
  EXPECT_EQ(check.places[0].is_right_on_device, std::nullopt);
  EXPECT_EQ(check.status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(CheckOfAWindow, OfASmallVolumeReadsWhatThereIs) {
  file.Resize(10'000);
  const WindowCheck check = Run();
  EXPECT_TRUE(check.status.ok()) << check.status;
  EXPECT_EQ(check.places[1].place.length_bytes, 8192u);
  EXPECT_EQ(check.places[1].volume_offset_bytes, 0u);
}

TEST_F(CheckOfAWindow, NeedsAVolumeWithAPage) {
  file.Resize(4095);
  const Volume volume = file.Open();
  const absl::Status status =
      driver::CheckPlaces({.window = pool.buffer(0), .plain = &plain, .plain_memory = host.buffer(0), .volume = &volume},
                          {{0, 4096}})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(RemedyOf(status), HasSubstr("--volume"));
}

TEST(CheckWindow, NeedsAVolumeThatPathBarReads) {
  const TempFile file(8192);
  BufferPool pool = BufferPool::Create({.buffer_bytes = kMiB, .buffer_count = 1}).value();
  const PeerWindow window = {.number = 1, .pci_address = "0000:41:00.0", .length_bytes = kMiB};
  const absl::Status status = CheckWindow(window, {.memory = pool.buffer(0), .name = "a test's"}, file.Open(), nullptr).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), HasSubstr("path bar cannot read"));
  EXPECT_NE(RemedyOf(status), "");
}

TEST(CompareCounts, MissesCommandsThatTheControllerDidNotCount) {
  ControllerCounts counts;
  counts.controller.name = "nvme7";
  counts.read_commands = 4;
  EXPECT_TRUE(driver::CompareCounts(4, {counts}).ok());
  EXPECT_TRUE(driver::CompareCounts(3, {counts}).ok()) << "it serves others too";
  const absl::Status status = driver::CompareCounts(5, {counts});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(CauseOf(status), HasSubstr("nvme7 counted 4 read commands, and 5 were sent"));
  counts.status = MakeError(absl::StatusCode::kPermissionDenied, What("the log is root's"), Fix("be root"));
  EXPECT_TRUE(driver::CompareCounts(5, {counts}).ok()) << "not known is not wrong";
}

std::vector<uint64_t> OffsetsIn(uint64_t bytes, const std::vector<uint64_t>& pieces) {
  PeerWindow window = {.length_bytes = bytes};
  for (const uint64_t piece : pieces) window.pieces.push_back({0, 0, piece});
  std::vector<uint64_t> offsets;
  for (const WindowPlace& place : PlacesToCheck(window)) {
    EXPECT_LE(place.offset_bytes + place.length_bytes, bytes);
    EXPECT_EQ(place.offset_bytes % kPage, 0u);
    offsets.push_back(place.offset_bytes);
  }
  return offsets;
}

TEST(PlacesToCheck, AreBothEndsTheMiddleAndTheBordersOfPieces) {
  constexpr uint64_t kPlace = kWindowPlaceBytes;
  EXPECT_EQ(OffsetsIn(8 * kMiB, {8 * kMiB}), std::vector<uint64_t>({0, 4 * kMiB - kPlace / 2, 8 * kMiB - kPlace}));
  EXPECT_EQ(OffsetsIn(8 * kMiB, {2 * kMiB, 6 * kMiB}),
            std::vector<uint64_t>({0, 2 * kMiB - kPlace / 2, 4 * kMiB - kPlace / 2, 8 * kMiB - kPlace}));
  EXPECT_EQ(OffsetsIn(128 * kMiB, std::vector<uint64_t>(64, 2 * kMiB)).size(), 10u);
  EXPECT_EQ(OffsetsIn(8192, {8192}), std::vector<uint64_t>({0, 4096}));
  EXPECT_TRUE(OffsetsIn(4096, {4096}).empty());
}

}  // namespace
}  // namespace penstock
