// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the service does with requests: bytes, checks, causes, order, fairness.
#include "penstock/io_service.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/runtime/io_rig.h"

namespace penstock {
namespace {

using fakes::FaultKind;
using layout::IoCause;
using layout::IoEnd;

constexpr u32 kFileBytes = 1u << 20;

class IoServiceByPath : public testing::TestWithParam<ReadPath> {};
INSTANTIATE_TEST_SUITE_P(Paths, IoServiceByPath, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path_info) { return std::string(ReadPathName(path_info.param)); });

TEST_P(IoServiceByPath, BringsTheBytesThatAreAskedFor) {
  if (GetParam() == ReadPath::kRead && !PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = GetParam()}});
  const u32 source = rig.AddSource(kFileBytes, {.base_bytes = 8192});
  rig.Start();
  const IoEnd end = rig.Do(IoRig::Read(source, rig.destinations[3], 4096, 8192));
  EXPECT_TRUE(end.ok()) << layout::IoCauseText(static_cast<IoCause>(end.cause));
  EXPECT_EQ(end.bytes, 8192u);
  EXPECT_TRUE(IsPattern(rig.piece(3, 8192), 8192 + 4096)) << "from the extent's start";
}

TEST_P(IoServiceByPath, BringsTheEndOfAFileThatIsNoWholeBlock) {
  if (GetParam() == ReadPath::kRead && !PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = GetParam()}});
  const u32 source = rig.AddSource(10'000);
  rig.Start();
  const IoEnd end = rig.Do(IoRig::Read(source, rig.destinations[0], 8192, 10'000 - 8192));
  EXPECT_TRUE(end.ok());
  EXPECT_EQ(end.bytes, 10'000u - 8192u);
  EXPECT_TRUE(IsPattern(rig.piece(0, end.bytes), 8192));
}

TEST_P(IoServiceByPath, SaysThatAVolumeEndedEarly) {
  if (GetParam() == ReadPath::kRead && !PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = GetParam()}});
  const u32 source = rig.AddSource(kFileBytes);
  rig.files[0].Resize(4096 + 1000);
  rig.Start();
  const IoEnd end = rig.Do(IoRig::Read(source, rig.destinations[0], 4096, 8192));
  EXPECT_EQ(end.cause, static_cast<u32>(IoCause::kEndedEarly));
  EXPECT_EQ(end.bytes, 1000u);
}

TEST(IoService, ChoosesAPathThatWorks) {
  IoRig rig({.service = {}});
  const u32 source = rig.AddSource(kFileBytes);
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kNone);
  EXPECT_TRUE(IsPattern(rig.piece(0, 4096), 0));
}

TEST(IoService, ReadsIntoPartsOfABuffer) {
  IoRig rig;
  const u32 source = rig.AddSource(kFileBytes);
  const auto parts = rig.service->RegisterDestinations(rig.pool, {.offset_bytes = 0, .length_bytes = 1000, .count = 16});
  ASSERT_TRUE(parts.ok()) << parts.status();
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, (*parts)[5], 333, 1000)), IoCause::kNone);
  EXPECT_TRUE(IsPattern(rig.pool.memory().subspan(5000, 1000), 333));
  EXPECT_EQ(rig.pool.memory()[6000], std::byte{0});
  EXPECT_EQ(rig.pool.memory()[4999], std::byte{0});
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, (*parts)[5], 0, 1001)), IoCause::kOutOfRange);
}

// --- writing ---

class IoServiceWrites : public testing::TestWithParam<ReadPath> {};
INSTANTIATE_TEST_SUITE_P(Paths, IoServiceWrites, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const testing::TestParamInfo<ReadPath>& path) { return std::string(ReadPathName(path.param)); });

TEST_P(IoServiceWrites, WhatTheKernelGivesToASourceThatMayBeWritten) {
  if (GetParam() == ReadPath::kRead && !PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = GetParam()}});
  const u32 source = rig.AddSource(kFileBytes, {.may_read = true, .may_write = true});
  rig.Start();
  const absl::Span<std::byte> written = rig.pool.buffer(0).first(8192);
  std::fill(written.begin(), written.end(), std::byte{0xA5});
  const u32 write = rig.requesters[0].Post({layout::kIoWrite, source, rig.destinations[0], 4096, 8192, 0});
  const u32 fence = rig.requesters[0].Post({layout::kIoFence, 0, 0, 0, 0, 0});
  ASSERT_TRUE(rig.requesters[0].WaitFor(fence).has_value());
  const auto ended = rig.requesters[0].WaitFor(write);
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->end.cause, 0u) << testing::PrintToString(rig.service->log());
  EXPECT_EQ(ended->end.bytes, 8192u);
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[1], 0, 16384)), IoCause::kNone);
  EXPECT_TRUE(IsPattern(rig.piece(1, 4096), 0));
  EXPECT_TRUE(std::equal(written.begin(), written.end(), rig.piece(1, 16384).begin() + 4096));
  EXPECT_TRUE(IsPattern(rig.piece(1, 16384).subspan(12288), 12288));
}

TEST(IoServiceWriting, IsRefusedWhenTheVolumeWasOpenedToBeReadOnly) {
  IoRig rig;
  const TempFile file(kFileBytes);
  const Volume volume = file.Open();
  EXPECT_EQ(rig.service->RegisterSource(volume, {.may_write = true}).status().code(), absl::StatusCode::kFailedPrecondition);
}

// --- checks ---

TEST(IoServiceChecks, EndEachBadRequestWithItsCauseAndNoOther) {
  if (!PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = ReadPath::kRead}});
  const u32 source = rig.AddSource(kFileBytes);
  const u32 written = rig.AddSource(kFileBytes, {.may_read = false, .may_write = true});
  const u32 good = rig.destinations[0];
  rig.Start();
  const auto of_type = [](u32 op_type) { return layout::IoRequest{op_type, 0, 0, 0, 0, 0}; };
  struct Case {
    layout::IoRequest request;
    IoCause cause;
  };
  const Case cases[] = {
      {of_type(0), IoCause::kBadOperation},
      {of_type(4), IoCause::kBadOperation},
      {of_type(layout::kIoAnnounce), IoCause::kBadOperation},
      {IoRig::Read(0, good, 0, 4096), IoCause::kBadSource},
      {IoRig::Read(layout::MakeHandle(1000, 1), good, 0, 4096), IoCause::kBadSource},
      {IoRig::Read(layout::MakeHandle(layout::HandleIndex(source), 2), good, 0, 4096), IoCause::kBadSource},
      {IoRig::Read(0xFFFFFFFF, good, 0, 4096), IoCause::kBadSource},
      {IoRig::Read(source, 0, 0, 4096), IoCause::kBadDestination},
      {IoRig::Read(source, layout::MakeHandle(0xFFFF, 1), 0, 4096), IoCause::kBadDestination},
      {IoRig::Read(written, good, 0, 4096), IoCause::kDenied},
      {{layout::kIoWrite, source, good, 0, 4096, 0}, IoCause::kDenied},
      {{layout::kIoWrite, written, good, 0, 4095, 0}, IoCause::kMisaligned},
      {IoRig::Read(source, good, kFileBytes, 4096), IoCause::kOutOfRange},
      {IoRig::Read(source, good, kFileBytes - 4096, 8192), IoCause::kOutOfRange},
      {IoRig::Read(source, good, ~u64{4095}, 4096), IoCause::kOutOfRange},
      {IoRig::Read(source, good, 0, kPiece + 1), IoCause::kOutOfRange},
      {IoRig::Read(source, good, 0, 0xFFFFFFFF), IoCause::kOutOfRange},
      {IoRig::Read(source, good, 1, 4096), IoCause::kMisaligned},
      {IoRig::Read(source, good, 0, 0), IoCause::kEmpty},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(rig.CauseOf(each.request), each.cause) << layout::IoCauseText(each.cause);
    EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[1], 0, 4096)), IoCause::kNone) << "the next one is served";
  }
  EXPECT_EQ(rig.pool.memory()[0], std::byte{0}) << "nothing landed";
  EXPECT_EQ(rig.requesters[0].bad_statuses(), 0u);
}

TEST(IoServiceChecks, KeepWithinAnExtentInTheMiddleOfAVolume) {
  IoRig rig;
  const u32 source = rig.AddSource(kFileBytes, {.base_bytes = 4096, .length_bytes = 8192});
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 8192)), IoCause::kNone);
  EXPECT_TRUE(IsPattern(rig.piece(0, 8192), 4096));
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 1, 8192)), IoCause::kOutOfRange);
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 8192, 1)), IoCause::kOutOfRange);
}

TEST(IoServiceChecks, AreOfTheOneCopyThatIsServed) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kHeld});
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  const u32 slot = requester.Post(IoRig::Read(source, rig.destinations[0], 4096, 4096));
  while (layout::LoadAcquire<layout::Scope::kSystem>(&requester.words(slot).status) != layout::kClaimed)
    std::this_thread::yield();
  layout::IoSlot other = {};
  layout::EncodeIoRequest(IoRig::Read(source, rig.destinations[1], 0, kPiece), other);
  requester.Rewrite(slot, other);
  layout::StoreRelaxed<layout::Scope::kSystem>(&requester.words(slot).status, layout::kPublished);
  requester.Announce(slot);
  while (rig.service->counts().protocol_errors == 0) std::this_thread::yield();
  rig.fake.Release();
  const auto ended = requester.WaitFor(slot);
  ASSERT_TRUE(ended.has_value());
  EXPECT_TRUE(ended->end.ok());
  EXPECT_EQ(ended->end.bytes, 4096u);
  EXPECT_TRUE(IsPattern(rig.piece(0, 4096), 4096));
  EXPECT_EQ(rig.piece(0, 4097)[4096], std::byte{0});
  EXPECT_EQ(rig.piece(1, 1)[0], std::byte{0});
  EXPECT_EQ(rig.service->counts().protocol_errors, 1u) << "a slot in flight was announced";
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[1], 0, 4096)), IoCause::kNone);
}

// --- what goes wrong below ---

TEST(IoServiceFaults, AMediumErrorEndsOnlyItsRequest) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kError, EIO, 8192});
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  std::vector<u32> slots;
  for (u32 i = 0; i < 8; ++i) slots.push_back(requester.Post(IoRig::Read(source, rig.destinations[i], i * 4096, 4096)));
  for (u32 i = 0; i < 8; ++i) {
    const auto ended = requester.WaitFor(slots[i]);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->end.cause, static_cast<u32>(i == 2 ? IoCause::kMedium : IoCause::kNone)) << i;
    EXPECT_EQ(ended->end.bytes, i == 2 ? 0u : 4096u);
  }
}

TEST(IoServiceFaults, ReadsThatComeShortAreCompleted) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kShort, 1000});
  rig.fake.Inject({FaultKind::kError, EAGAIN});
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kNone);
  EXPECT_TRUE(IsPattern(rig.piece(0, 4096), 0));
}

TEST(IoServiceFaults, AVolumeThatIsGoneIsSaidToBe) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kError, ENODEV});
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kVolumeGone);
}

TEST(IoServiceFaults, AReadThatHangsTimesOut) {
  IoRig rig({.service = {.path = ReadPath::kPread, .read_timeout = absl::Milliseconds(50)}, .fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled, 0, 8192});
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  const u32 stuck = requester.Post(IoRig::Read(source, rig.destinations[0], 8192, 4096));
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[1], 0, 4096)), IoCause::kNone) << "others go on";
  EXPECT_EQ(requester.WaitFor(stuck)->end.cause, static_cast<u32>(IoCause::kTimedOut));
}

TEST(IoServiceFaults, AVolumeThatHangsLeavesRoomForOthers) {
  IoRig rig({.service = {.depth = 8, .path = ReadPath::kPread}, .queues = 2, .fake_queue = true});
  const u32 stuck = rig.AddSource(kFileBytes);
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled, 0, 4096, 100});
  rig.Start();
  for (u32 i = 0; i < 64; ++i) rig.requesters[0].Post(IoRig::Read(stuck, rig.destinations[i], 4096, 4096));
  for (u32 i = 0; i < 100; ++i) {
    ASSERT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[i % 64], 0, 4096), 1), IoCause::kNone) << i;
  }
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
}

TEST(IoServiceFaults, AQueueThatCannotBeOpenedRefusesAndSaysWhy) {
  IoServiceOptions options{.path = ReadPath::kPread};
  options.open_queue = [](ReadPath, const BufferPool&, const ReadQueueOptions&) -> absl::StatusOr<std::unique_ptr<ReadQueue>> {
    return absl::UnavailableError("no queue today");
  };
  IoRig rig({.service = options});
  const u32 source = rig.AddSource(kFileBytes);
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kRefusedByPath);
  EXPECT_EQ(rig.service->log(), std::vector<std::string>{"path pread: no queue today"});
}

TEST(IoServiceFaults, GoesOnAfterAQueueThatCannotSubmitForAWhile) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.FailNextSubmits(5);
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kNone);
  EXPECT_FALSE(rig.service->log().empty());
}

// --- order ---

TEST(IoServiceOrder, EndsComeAsReadsDo) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled, 0, 0});
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  const u32 first = requester.Post(IoRig::Read(source, rig.destinations[0], 0, 4096));
  const u32 second = requester.Post(IoRig::Read(source, rig.destinations[1], 4096, 4096));
  EXPECT_TRUE(requester.WaitFor(second)->end.ok());
  EXPECT_FALSE(requester.HasEnded(first));
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
}

TEST(IoServiceOrder, AFenceEndsAfterEarlierRequestsOfItsQueueOnly) {
  IoRig rig({.queues = 2, .fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled, 0, 0});
  rig.fake.Inject({FaultKind::kHeld, 0, 4096});
  rig.Start();
  const u32 stuck = rig.requesters[1].Post(IoRig::Read(source, rig.destinations[0], 0, 4096));
  fakes::FakeRequester& requester = rig.requesters[0];
  const u32 late = requester.Post(IoRig::Read(source, rig.destinations[1], 4096, 4096));
  const u32 fence = requester.Post(fakes::kFence);
  const u32 later = requester.Post(IoRig::Read(source, rig.destinations[2], 8192, 4096));
  EXPECT_TRUE(requester.WaitFor(later)->end.ok()) << "a fence holds up nothing";
  EXPECT_FALSE(requester.HasEnded(fence));
  rig.fake.Release();
  ASSERT_TRUE(requester.WaitFor(fence).has_value());
  EXPECT_TRUE(requester.HasEnded(late));
  EXPECT_FALSE(rig.requesters[1].HasEnded(stuck)) << "of another queue";
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  EXPECT_EQ(rig.service->counts().fences, 1u);
}

/// Queue 2 asks for one read at a time, while queue 1, or queues 0 and 1, always have 64 requests waiting.
void ExpectTurns(IoRig& rig, u32 source, u32 first_flooding) {
  u64 overtook = 0;  // were asked for after queue 2's request, and have ended before it
  u32 asked = 0;     // requests of queue 2
  const auto keep_flooding = [&] {
    for (u32 q = first_flooding; q < 2; ++q) {
      while (const auto ended = rig.requesters[q].TryTake()) overtook += ended->tag == asked ? 1 : 0;
      while (rig.requesters[q].HasRoom()) rig.requesters[q].Post(IoRig::Read(source, rig.destinations[q], 0, 512, asked));
    }
  };
  keep_flooding();
  constexpr u32 kRequests = 300;
  for (u32 i = 0; i < kRequests; ++i) {
    ++asked;
    const u32 slot = rig.requesters[2].Post(IoRig::Read(source, rig.destinations[2], 8192, 512));
    const absl::Time deadline = absl::Now() + kLong;
    while (!rig.requesters[2].HasEnded(slot)) {
      keep_flooding();
      ASSERT_LT(absl::Now(), deadline) << "request " << i << " was not served";
    }
    EXPECT_TRUE(rig.requesters[2].Take(slot).end.ok());
  }
  // A few reads at a time: one that waits for its turn is started within a few rounds. Without turns it would be after all that
  // the others ask for meanwhile, or never. How long this thread is kept from looking changes nothing.
  EXPECT_LT(overtook, kRequests * 16);
}

TEST(IoServiceOrder, AFloodOfOneQueueDoesNotHoldUpAnother) {
  IoRig rig({.service = {.depth = 4, .path = ReadPath::kPread}, .queues = 3, .fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.Start();
  ExpectTurns(rig, source, 0);
}

TEST(IoServiceOrder, QueuesTakeTurnsBesideOneWhoseVolumeHangs) {
  IoRig rig({.service = {.depth = 4, .path = ReadPath::kPread}, .queues = 3, .fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  const u32 stuck = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled, 0, 4096, 100});
  rig.Start();
  for (u32 i = 0; i < 64; ++i) rig.requesters[0].Post(IoRig::Read(stuck, rig.destinations[i], 4096, 512));
  ExpectTurns(rig, source, 1);
}

// --- the rest ---

TEST(IoService, FlushesADevicesMemoryBeforeItTells) {
  std::vector<std::byte> bytes(3 * kPiece);
  auto* const begin = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(bytes.data()) + 4095) & ~uintptr_t{4095});
  const BufferPoolMaker make = [&](const BufferPool::Options& options) {
    return BufferPool::CreateIn({.memory = {begin, 2 * kPiece}, .name = "a device"},
                                {std::min<size_t>(options.buffer_bytes, kPiece), 1});
  };
  fakes::PeerCache cache;
  IoRigOptions options{.service = {.path = ReadPath::kPread}, .fake_queue = true};
  options.fake.cache = &cache;
  options.service.make_probe_pool = make;
  options.service.flush = [&] { cache.Flush(); };
  IoRig rig(options);
  const BufferPool pool = *make({.buffer_bytes = kPiece, .buffer_count = 1});
  const u32 source = rig.AddSource(kFileBytes);
  const u32 destination = *rig.service->RegisterDestination(pool, 0, kPiece);
  rig.Start();
  for (u32 i = 0; i < 20; ++i) {
    ASSERT_EQ(rig.CauseOf(IoRig::Read(source, destination, i * 4096, 4096)), IoCause::kNone);
    ASSERT_TRUE(IsPattern(pool.buffer(0).first(4096), i * 4096)) << i;
  }
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  EXPECT_EQ(cache.flush_count(), 20u);
}

TEST(IoService, SeveralThreadsServeAllQueues) {
  IoRig rig({.service = {.threads = 3, .path = ReadPath::kPread}, .queues = 5});
  const u32 source = rig.AddSource(kFileBytes);
  rig.Start();
  for (u32 i = 0; i < 100; ++i) {
    ASSERT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], i * 512, 512), i % 5), IoCause::kNone);
  }
}

TEST(IoService, CountsWhatItDid) {
  IoRig rig;
  const u32 source = rig.AddSource(kFileBytes);
  rig.Start();
  for (u32 i = 0; i < 10; ++i) rig.Do(IoRig::Read(source, rig.destinations[0], 0, 4096));
  rig.Do(IoRig::Read(source, 0, 0, 4096));
  rig.Do(fakes::kFence);
  rig.requesters[0].Announce(13);
  rig.Do(fakes::kFence);
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  const IoServiceCounts counts = rig.service->counts();
  EXPECT_EQ(counts.requests, 13u);
  EXPECT_EQ(counts.fences, 2u);
  EXPECT_EQ(counts.bytes, 40'960u);
  EXPECT_EQ(counts.ended[static_cast<size_t>(IoCause::kNone)], 12u);
  EXPECT_EQ(counts.ended[static_cast<size_t>(IoCause::kBadDestination)], 1u);
  EXPECT_EQ(counts.paths[static_cast<size_t>(ReadPath::kPread)].requests, 10u);
  EXPECT_EQ(counts.paths[static_cast<size_t>(ReadPath::kPread)].bytes, 40'960u);
  EXPECT_EQ(counts.protocol_errors, 1u);
  EXPECT_EQ(counts.batches, 13u);
  EXPECT_GT(counts.transfer_ns, 0u);
  EXPECT_GE(counts.service_ns, counts.transfer_ns);
}

}  // namespace
}  // namespace penstock
