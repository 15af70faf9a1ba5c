// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Revoking handles of an I/O service, while requests name them and while they do not.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bit>
#include <thread>

#include "penstock/io_service.h"
#include "tests/runtime/io_rig.h"

namespace penstock {
namespace {

using absl::StatusCode;
using fakes::FaultKind;
using layout::IoCause;

constexpr u32 kFileBytes = 1u << 20;

TEST(IoServiceRevoke, RefusesWhatNamesARevokedHandle) {
  IoRig rig;
  const u32 source = rig.AddSource(kFileBytes);
  rig.Start();
  const u32 old = rig.destinations[0];
  EXPECT_TRUE(rig.service->RevokeDestination(old, kLong).ok());
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, old, 0, 4096)), IoCause::kBadDestination);
  const u32 fresh = *rig.service->RegisterDestination(rig.pool, 0, kPiece);
  EXPECT_EQ(layout::HandleIndex(fresh), layout::HandleIndex(old));
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, old, 0, 4096)), IoCause::kBadDestination) << "a stale generation";
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, fresh, 0, 4096)), IoCause::kNone);
  EXPECT_TRUE(rig.service->RevokeSource(source, kLong).ok());
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, fresh, 0, 4096)), IoCause::kBadSource);
  EXPECT_EQ(rig.service->RevokeSource(source, kLong).code(), StatusCode::kNotFound);
}

TEST(IoServiceRevoke, WaitsForWhatIsInFlight) {
  IoRig rig({.fake_queue = true});
  const u32 source = rig.AddSource(kFileBytes);
  rig.fake.Inject({FaultKind::kHeld});
  rig.Start();
  const u32 slot = rig.requesters[0].Post(IoRig::Read(source, rig.destinations[0], 0, 4096));
  while (rig.fake.queued_count() == 0) std::this_thread::yield();  // A claim alone holds no handle yet.
  EXPECT_EQ(rig.service->RevokeDestination(rig.destinations[0], absl::ZeroDuration()).code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kBadDestination) << "refused at once";
  rig.fake.Release();
  EXPECT_TRUE(rig.service->RevokeDestination(rig.destinations[0], kLong).ok());
  EXPECT_TRUE(rig.requesters[0].WaitFor(slot)->end.ok());
}

TEST(IoServiceRevoke, DetachesAVolumeThatHasNoHandleLeft) {
  IoRig rig({.fake_queue = true});
  const u32 first = rig.AddSource(kFileBytes);
  const u32 second = *rig.service->RegisterSource(rig.volumes[0], {.length_bytes = 4096});
  rig.Start();
  EXPECT_EQ(rig.CauseOf(IoRig::Read(first, rig.destinations[0], 0, 4096)), IoCause::kNone);
  EXPECT_TRUE(rig.service->RevokeSource(first, kLong).ok());
  EXPECT_EQ(rig.CauseOf(IoRig::Read(second, rig.destinations[0], 0, 4096)), IoCause::kNone);
  EXPECT_TRUE(rig.service->RevokeSource(second, kLong).ok());
  EXPECT_TRUE(rig.service->Stop(kLong).ok());
  EXPECT_EQ(rig.fake.attached_count(), 0u);
}

/// Lets a test hold a thread of the service where it opens a queue.
class Gate {
 public:
  void Pass() {
    is_waiting_ = true;
    while (is_closed_) absl::SleepFor(absl::Milliseconds(1));
  }
  void Close() { is_closed_ = true; }
  void Open() { is_closed_ = false; }
  void AwaitSomebody() const {
    while (!is_waiting_) absl::SleepFor(absl::Milliseconds(1));
  }
  void ForgetThem() { is_waiting_ = false; }

 private:
  std::atomic<bool> is_closed_ = false;
  std::atomic<bool> is_waiting_ = false;
};

TEST(IoServiceRevoke, GoesOnWhenARequestHasMadeTheServiceLookAtTheTablesMeanwhile) {
  Gate gate;
  IoServiceOptions options = {.path = ReadPath::kPread};
  options.open_queue = [&](ReadPath path, const BufferPool& pool, const ReadQueueOptions& queue_options) {
    gate.Pass();
    return OpenReadQueue(path, pool, queue_options);
  };
  IoRig rig({.service = options});
  rig.AddSource(kFileBytes);
  const u32 leaving = rig.AddSource(kFileBytes);
  rig.Start();
  gate.AwaitSomebody();
  gate.ForgetThem();
  gate.Close();
  const BufferPool more = *BufferPool::Create({.buffer_bytes = kPiece, .buffer_count = 1});
  ASSERT_TRUE(rig.service->RegisterDestination(more, 0, kPiece).ok());
  gate.AwaitSomebody();  // The thread has its copy of the tables, and what follows is newer.
  const u32 added = rig.AddSource(kFileBytes);
  const u32 slot = rig.requesters[0].Post(IoRig::Read(added, rig.destinations[0], 0, 4096));
  absl::Status revoked;
  std::thread revoker([&] { revoked = rig.service->RevokeSource(leaving, kLong / 3); });
  absl::SleepFor(absl::Milliseconds(50));
  gate.Open();
  EXPECT_TRUE(rig.requesters[0].WaitFor(slot).has_value());
  revoker.join();
  EXPECT_TRUE(revoked.ok()) << revoked;
}

TEST(IoServiceRevoke, VolumesMayBeClosedAndOpenedWhileOthersAreRead) {
  if (!PathReadWorks()) GTEST_SKIP() << kPathReadIsRefused;
  IoRig rig({.service = {.path = ReadPath::kRead}});
  rig.AddSource(kFileBytes);
  rig.Start();
  for (u32 i = 0; i < 30; ++i) {  // the same descriptor again and again, each time of another file
    TempFile file(8192);
    file.Write(std::string(1, static_cast<char>('A' + i)));
    const Volume volume = file.Open();
    const u32 source = *rig.service->RegisterSource(volume, {});
    ASSERT_EQ(rig.CauseOf(IoRig::Read(source, rig.destinations[0], 0, 4096)), IoCause::kNone);
    ASSERT_EQ(rig.piece(0, 1)[0], static_cast<std::byte>('A' + i));
    ASSERT_TRUE(rig.service->RevokeSource(source, kLong).ok());
  }
}

/// Nothing may land in memory once its handle was revoked, whatever is in flight and asked for meanwhile.
TEST(IoServiceRevoke, IsSafeUnderLoad) {
  constexpr u32 kEach = 16;  // requests in flight of each queue, each with a destination of its own
  IoRig rig({.service = {.threads = 2, .path = ReadPath::kPread}, .queues = 2});
  const u32 source = rig.AddSource(kFileBytes);
  const BufferPool pool = *BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 2 * kEach});
  std::array<std::atomic<u32>, 2 * kEach> handles = {};
  const auto register_all = [&] {
    const auto added = rig.service->RegisterDestinations(pool, {.length_bytes = 4096, .count = 2 * kEach});
    for (u32 i = 0; i < handles.size(); ++i) handles[i].store((*added)[i]);
  };
  register_all();
  std::atomic<bool> ended{false};
  std::atomic<u64> served{0};
  std::atomic<u64> refused{0};
  rig.Start();
  std::vector<std::thread> requesters;
  for (u32 q = 0; q < 2; ++q) {
    requesters.emplace_back([&, q] {
      fakes::FakeRequester& requester = rig.requesters[q];
      while (!ended.load() || requester.in_flight() != 0) {
        while (!ended.load() && std::popcount(requester.in_flight()) < static_cast<int>(kEach)) {
          const u32 slot = static_cast<u32>(std::countr_one(requester.in_flight()));  // that it will take
          requester.Post(IoRig::Read(source, handles[q * kEach + slot].load(), 4096, 4096));
        }
        const auto end = requester.TryTake();
        if (!end.has_value()) continue;
        ASSERT_TRUE(end->end.ok() || end->end.cause == static_cast<u32>(IoCause::kBadDestination)) << end->end.cause;
        (end->end.ok() ? served : refused).fetch_add(1);
      }
    });
  }
  const absl::Time deadline = absl::Now() + kLong;
  for (u32 i = 0; (i < 50 || served.load() == 0 || refused.load() == 0) && absl::Now() < deadline; ++i) {
    for (const auto& handle : handles) ASSERT_TRUE(rig.service->RevokeDestination(handle.load(), kLong).ok());
    std::fill(pool.memory().begin(), pool.memory().end(), std::byte{0xEE});
    absl::SleepFor(absl::Microseconds(200));
    ASSERT_TRUE(std::all_of(pool.memory().begin(), pool.memory().end(), [](std::byte b) { return b == std::byte{0xEE}; }));
    register_all();
    absl::SleepFor(absl::Microseconds(500));
  }
  ended.store(true);
  for (std::thread& requester : requesters) requester.join();
  EXPECT_GT(served.load(), 0u);
  EXPECT_GT(refused.load(), 0u);
}

}  // namespace
}  // namespace penstock
