// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The life of an I/O service and its handles: registering, starting, stopping.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <new>
#include <random>
#include <thread>

#include "penstock/clock.h"
#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/io_service.h"
#include "tests/runtime/io_rig.h"

namespace penstock {
namespace {

using absl::StatusCode;
using fakes::FaultKind;
using layout::IoCause;

constexpr u32 kFileBytes = 1u << 20;

bool AnyIsClaimed(IoRig& rig) {
  for (u32 slot = 0; slot < layout::kMaxIoSlots; ++slot) {
    if (rig.requesters[0].words(slot).status == layout::kClaimed) return true;
  }
  return false;
}

// --- making and registering ---

TEST(IoServiceOptions, AreChecked) {
  fakes::FakeKernel kernel(2);
  const auto code = [&](const IoServiceOptions& options) { return IoService::Create(kernel.live(), options).status().code(); };
  EXPECT_EQ(code({.threads = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.threads = 3}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.depth = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.depth = 16385}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.max_sources = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.max_destinations = 65537}), StatusCode::kInvalidArgument);
  EXPECT_EQ(IoService::Create({}, {}).status().code(), StatusCode::kInvalidArgument);
}

TEST(IoServiceRegister, RefusesExtentsThatThePathCannotRead) {
  if (!PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = ReadPath::kRead}});
  const TempFile file(10'000);
  const Volume volume = file.Open();
  const auto code = [&](const IoSourceExtent& extent) { return rig.service->RegisterSource(volume, extent).status().code(); };
  EXPECT_EQ(code({}), StatusCode::kOk) << "its end is the volume's";
  EXPECT_EQ(code({.base_bytes = 4096, .length_bytes = 4096}), StatusCode::kOk);
  EXPECT_EQ(code({.base_bytes = 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.length_bytes = 4097}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.base_bytes = 12'288}), StatusCode::kOutOfRange);
  EXPECT_EQ(code({.length_bytes = 10'001}), StatusCode::kOutOfRange);
  EXPECT_EQ(code({.base_bytes = 4096, .length_bytes = ~u64{0}}), StatusCode::kOutOfRange);
  EXPECT_EQ(code({.may_read = false}), StatusCode::kInvalidArgument);
}

TEST(IoServiceRegister, RefusesPiecesThatDoNotLieInOneBuffer) {
  IoRig rig;
  const auto code = [&](const IoDestinations& pieces) {
    return rig.service->RegisterDestinations(rig.pool, pieces).status().code();
  };
  EXPECT_EQ(code({.offset_bytes = 0, .length_bytes = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = 0, .length_bytes = kPiece, .count = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = 0, .length_bytes = kPiece + 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = 1, .length_bytes = kPiece}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = 63 * kPiece, .length_bytes = kPiece, .count = 2}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = 65 * kPiece, .length_bytes = 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = ~u64{0}, .length_bytes = kPiece}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.offset_bytes = 63 * kPiece, .length_bytes = kPiece}), StatusCode::kOk);
}

TEST(IoServiceRegister, RefusesADevicesMemoryThatWasNotProbed) {
  IoRig rig;
  const auto memory = BufferPool::Create({.buffer_bytes = kPiece, .buffer_count = 1});
  const auto pool = BufferPool::CreateIn({.memory = memory->memory(), .name = "a device"}, {kPiece, 1});
  EXPECT_EQ(rig.service->RegisterDestination(*pool, 0, kPiece).status().code(), StatusCode::kFailedPrecondition);
}

/// A path whose queue can be opened on the destinations once, and is wanted by two threads.
TEST(IoServiceRegister, LeavesOutAPathThatCannotTakeTheDestinationsMemory) {
  u32 open_queues = 0;
  IoServiceOptions options = {.threads = 2};
  options.open_queue = [&](ReadPath path, const BufferPool& pool, const ReadQueueOptions& queue_options) {
    if (path == ReadPath::kPread || ++open_queues % 2 == 1) return OpenReadQueue(ReadPath::kPread, pool, queue_options);
    return absl::StatusOr<std::unique_ptr<ReadQueue>>(
        MakeError(StatusCode::kResourceExhausted, What("no more memory may be locked"), Fix("raise ulimit -l")));
  };
  IoRig rig({.service = options, .queues = 2});
  const TempFile file(4096);
  const Volume volume = file.Open();
  if (!volume.Supports(ReadPath::kRead)) GTEST_SKIP() << kPathReadIsRefused;
  const auto source = rig.service->RegisterSource(volume, {});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(rig.service->PathOf(*source, false), ReadPath::kPread);
  const std::vector<Refusal> refusals = rig.service->RefusalsOf(*source, false);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].path, ReadPath::kRead);
  EXPECT_EQ(refusals[0].remedy, "raise ulimit -l");
  EXPECT_EQ(open_queues, 2u) << "it was not tried as often as there are threads";
}

TEST(IoServiceRegister, GivesAVolumeThePathThatItHasAlready) {
  if (!PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoServiceOptions options;
  options.open_queue = [](ReadPath path, const BufferPool& pool, const ReadQueueOptions& queue_options) {
    // As with little memory that may be locked: a probe's few buffers are not too many.
    if (path == ReadPath::kPread || pool.buffer_count() == 1) return OpenReadQueue(path, pool, queue_options);
    return absl::StatusOr<std::unique_ptr<ReadQueue>>(
        MakeError(StatusCode::kResourceExhausted, What("no more memory may be locked"), Fix("raise ulimit -l")));
  };
  IoRig rig({.service = options});
  const u32 first = rig.AddSource(kFileBytes);
  rig.Start();  // From here on nothing is opened to see whether it can be.
  const u32 second = *rig.service->RegisterSource(rig.volumes[0], {.base_bytes = 4096});
  EXPECT_EQ(rig.service->PathOf(first, false), ReadPath::kPread);
  EXPECT_EQ(rig.service->PathOf(second, false), ReadPath::kPread);
  EXPECT_EQ(rig.service->RefusalsOf(second, false).size(), 1u);
  EXPECT_EQ(rig.CauseOf(IoRig::Read(second, rig.destinations[0], 0, 4096)), IoCause::kNone);
}

TEST(IoServiceRegister, WorksWhileTheServiceRuns) {
  IoRig rig;
  rig.Start();
  for (u32 i = 0; i < 5; ++i) {
    const u32 source = rig.AddSource(kFileBytes);
    const BufferPool pool = *BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1});
    const u32 destination = *rig.service->RegisterDestination(pool, 0, 4096);
    EXPECT_EQ(rig.CauseOf(IoRig::Read(source, destination, i * 4096, 4096)), IoCause::kNone);
    EXPECT_TRUE(IsPattern(pool.buffer(0), i * 4096));
    EXPECT_TRUE(rig.service->RevokeDestination(destination, kLong).ok());
  }
}

// --- starting and stopping ---

TEST(IoServiceStart, ServesWhatWasRequestedBefore) {
  IoRig rig;
  const u32 source = rig.AddSource(kFileBytes);
  std::vector<u32> slots;
  for (u32 i = 0; i < 64; ++i) slots.push_back(rig.requesters[0].Post(IoRig::Read(source, rig.destinations[i], i * 4096, 4096)));
  EXPECT_EQ(rig.kernel.state(), layout::IoServiceState::kNone);
  rig.Start();
  EXPECT_EQ(rig.kernel.state(), layout::IoServiceState::kServing);
  for (u32 i = 0; i < 64; ++i) {
    ASSERT_TRUE(rig.requesters[0].WaitFor(slots[i])->end.ok());
    ASSERT_TRUE(IsPattern(rig.piece(i, 4096), i * 4096));
  }
}

TEST(IoServiceStart, IsRefusedWhileOneServes) {
  IoRig rig;
  rig.Start();
  EXPECT_EQ(rig.service->Start().code(), StatusCode::kFailedPrecondition);
  const auto other = IoService::Create(rig.kernel.live(), {});
  EXPECT_EQ((*other)->Start().code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  EXPECT_TRUE((*other)->Start().ok());
  EXPECT_TRUE((*other)->Stop(kLong).ok());
}

TEST(IoServiceStart, MayFollowAStopAgainAndAgain) {
  IoRig rig;
  const u32 source = rig.AddSource(kFileBytes);
  for (u32 i = 0; i < 20; ++i) {
    rig.Start();
    for (u32 j = 0; j < 10; ++j) {
      ASSERT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kNone) << i;
    }
    ASSERT_TRUE(rig.service->Stop(kLong).ok());
  }
  EXPECT_EQ(rig.service->counts().requests, 200u);
}

/// A service that only the alarm wakes: one ring that it misses while it goes to sleep would be an hour's wait.
TEST(IoServiceSleep, IsEndedByEveryRing) {
  constexpr absl::Duration kHour = absl::Hours(1);
  IoRig rig({.service = {.threads = 2, .path = ReadPath::kPread, .idle_sleep = kHour, .longest_idle_sleep = kHour}, .queues = 2});
  rig.Start();
  std::mt19937 random(1);
  for (u32 i = 0; i < 2000; ++i) {
    ASSERT_EQ(rig.CauseOf(fakes::kFence, i % 2), IoCause::kNone) << i;
    // About as long as it looks before it sleeps, so that many requests come just when it goes to sleep.
    const uint64_t until_ns = MonotonicNs() + random() % 120'000;
    while (MonotonicNs() < until_ns) continue;
  }
  EXPECT_GT(rig.service->counts().sleeps, 100u);
  EXPECT_TRUE(rig.service->Stop(kLong).ok()) << "it is woken for this, too";
}

TEST(IoServiceStop, EndsWhatIsRequestedAndInFlight) {
  IoRig rig({.service = {.depth = 8, .path = ReadPath::kPread}, .fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled, 0, fakes::Fault::kAnyOffset, 100});
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  std::vector<u32> slots;
  for (u32 i = 0; i < 60; ++i) slots.push_back(requester.Post(IoRig::Read(source, rig.destinations[i], 0, 4096)));
  slots.push_back(requester.Post(fakes::kFence));
  while (rig.service->counts().requests < 9) std::this_thread::yield();
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  for (const u32 slot : slots) {
    ASSERT_TRUE(requester.HasEnded(slot)) << slot;
    EXPECT_EQ(requester.Take(slot).end.cause, static_cast<u32>(IoCause::kServiceStopped));
  }
  EXPECT_FALSE(AnyIsClaimed(rig));
  EXPECT_TRUE(rig.service->Stop(kLong).ok()) << "again changes nothing";
}

TEST(IoServiceStop, TakesWhatComesInTimeAsItComes) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kHeld});
  rig.Start();
  const u32 slot = rig.requesters[0].Post(IoRig::Read(source, rig.destinations[0], 0, 4096));
  while (rig.service->counts().requests < 1) std::this_thread::yield();
  std::thread disk([&] {
    absl::SleepFor(absl::Milliseconds(20));
    rig.fake.Release();
  });
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  disk.join();
  ASSERT_TRUE(rig.requesters[0].HasEnded(slot));
  EXPECT_TRUE(rig.requesters[0].Take(slot).end.ok()) << "it could not be cancelled, and came";
}

TEST(IoServiceStop, SaysThatMemoryIsInUseAndLeavesNothingClaimed) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kHeld});
  rig.Start();
  fakes::FakeRequester& requester = rig.requesters[0];
  const u32 slot = requester.Post(IoRig::Read(source, rig.destinations[0], 0, 4096));
  while (rig.service->counts().requests < 1) std::this_thread::yield();
  EXPECT_EQ(rig.service->Stop(absl::Milliseconds(10)).code(), StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(requester.HasEnded(slot));
  EXPECT_EQ(requester.Take(slot).end.cause, static_cast<u32>(IoCause::kServiceStopped));
  EXPECT_FALSE(AnyIsClaimed(rig));
  EXPECT_EQ(rig.service->Start().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(rig.service->RevokeDestination(rig.destinations[0], absl::ZeroDuration()).code(), StatusCode::kDeadlineExceeded);
  rig.fake.Release();
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  EXPECT_TRUE(rig.service->RevokeDestination(rig.destinations[0], kLong).ok());
  EXPECT_TRUE(rig.service->Start().ok());
}

TEST(IoServiceStop, EndsRequestsThatAreMadeMeanwhile) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  for (u32 i = 0; i < 20; ++i) {
    rig.Start();
    std::atomic<bool> stopped{false};
    std::thread kernel([&] {
      fakes::FakeRequester& requester = rig.requesters[0];
      // As a kernel does: no more requests once it is told. A processor that is taken away in between makes one so late that the
      // service has gone: then the next one finds it.
      bool is_late = false;
      while (!is_late) {
        const uint64_t asked_ns = MonotonicNs();
        if (rig.kernel.state() != layout::IoServiceState::kServing) break;
        if (requester.HasRoom()) requester.Post(IoRig::Read(source, rig.destinations[0], 0, 512));
        is_late = MonotonicNs() - asked_ns > 1'000'000;
        while (requester.TryTake().has_value()) continue;
      }
      while (!stopped.load()) std::this_thread::yield();
      while (requester.TryTake().has_value()) continue;
      EXPECT_TRUE(is_late || requester.in_flight() == 0) << i;
    });
    absl::SleepFor(absl::Milliseconds(2));
    EXPECT_TRUE(rig.service->Stop(kLong).ok());
    stopped.store(true);
    kernel.join();
  }
  EXPECT_FALSE(AnyIsClaimed(rig));
}

/// What the queues are in may go when the service has stopped, and before it: its handles are revoked all the same.
/// Asks twice; between the two its workgroup is busy for as long as a test likes.
struct AsksTwice {
  static constexpr u32 kOpcode = 0x20000;
  static constexpr u32 kArgumentCount = 2;
  enum Step : u32 { kBegin, kFirst, kSecond };
  static inline std::atomic<bool> is_busy = false;
  static inline std::atomic<bool> may_go_on = false;

  static device::Outcome Run(const device::Context& context) {
    const layout::IoRequest request = {layout::kIoRead, context.argument[0], context.argument[1], 0, 4096, 0};
    if (context.wait.step == kBegin) return context.WaitIo(request, kFirst);
    if (!context.wait.end.ok()) return device::Outcome::IoFault(context.wait.end);
    if (context.wait.step == kSecond) return device::Outcome::Done();
    is_busy = true;
    while (!may_go_on) absl::SleepFor(absl::Milliseconds(1));
    return context.WaitIo(request, kSecond);
  }
};

TEST(IoServiceStop, IsKnownToAWorkgroupThatWasBusyMeanwhile) {
  CpuDeviceOptions options;
  options.workgroups = 1;
  options.io_queues = 1;
  const std::unique_ptr<Device> device = *MakeCpuDevice<device::Program<AsksTwice>>(options);
  const std::unique_ptr<IoService> service = *IoService::Create(device->io_queues(), {.path = ReadPath::kPread});
  const TempFile file(4096);
  const Volume volume = file.Open();
  const BufferPool pool = *BufferPool::Create({.buffer_bytes = kPiece, .buffer_count = 1});
  Work work = {.opcode = AsksTwice::kOpcode};
  work.argument[0] = *service->RegisterSource(volume, {});
  work.argument[1] = *service->RegisterDestination(pool, 0, kPiece);
  ASSERT_TRUE(device->Start().ok() && service->Start().ok());
  const Ticket ticket = *device->ring().Publish(work);
  while (!AsksTwice::is_busy) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(service->Stop(kLong).ok());
  AsksTwice::may_go_on = true;
  const auto completion = device->ring().Wait(ticket, kLong / 3);  // a third of what a slot may wait
  ASSERT_TRUE(completion.ok()) << completion.status();
  EXPECT_EQ(completion->fault_detail, static_cast<u32>(IoCause::kServiceStopped));
  EXPECT_TRUE(device->Stop(kLong).ok());
}

TEST(IoServiceStop, LeavesTheQueuesMemoryAlone) {
  IoRig rig;
  LiveIoQueues live = rig.kernel.live();
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  live.alarm = new (page) layout::IoAlarm{};
  auto service = IoService::Create(live, {.path = ReadPath::kPread});
  ASSERT_TRUE(service.ok()) << service.status();
  const auto handle = (*service)->RegisterDestination(rig.pool, 0, kPiece);
  ASSERT_TRUE((*service)->Start().ok());
  ASSERT_TRUE((*service)->Stop(kLong).ok());
  munmap(page, 4096);
  EXPECT_TRUE((*service)->RevokeDestination(*handle, kLong).ok());
  EXPECT_TRUE((*service)->RegisterDestination(rig.pool, 0, kPiece).ok());
}

TEST(IoServiceStop, IsPartOfItsEnd) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kStuckUntilCancelled});
  rig.Start();
  const u32 slot = rig.requesters[0].Post(IoRig::Read(source, rig.destinations[0], 0, 4096));
  while (rig.service->counts().requests < 1) std::this_thread::yield();
  rig.service.reset();
  EXPECT_TRUE(rig.requesters[0].HasEnded(slot));
  EXPECT_EQ(rig.kernel.state(), layout::IoServiceState::kStopped);
}

}  // namespace
}  // namespace penstock
