// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When requests were where, as the service notes it for who wants to know.
#include <gtest/gtest.h>

#include <vector>

#include "penstock/clock.h"
#include "tests/runtime/io_rig.h"

namespace penstock {
namespace {

using fakes::FaultKind;
using layout::IoCause;

constexpr u32 kFileBytes = 1u << 20;

struct TimedRig {
  explicit TimedRig(uint32_t depth = 128)
      : times(8),
        rig({.service = {.depth = depth, .path = ReadPath::kPread, .request_times = absl::MakeSpan(times)}, .fake_queue = true}),
        source(rig.AddSource(kFileBytes)) {}

  layout::IoRequest Read(u32 tag) const { return IoRig::Read(source, rig.destinations[tag], tag * 4096, 4096, tag); }

  std::vector<IoRequestTimes> times;
  IoRig rig;
  const u32 source;
};

TEST(IoTimes, AreInTheOrderThatARequestTakes) {
  TimedRig timed;
  timed.rig.Start();
  for (u32 tag = 0; tag < 8; ++tag) {
    const uint64_t before_ns = MonotonicNs();
    ASSERT_EQ(timed.rig.CauseOf(timed.Read(tag)), IoCause::kNone);
    const uint64_t after_ns = MonotonicNs();
    const IoRequestTimes& times = timed.times[tag];
    EXPECT_LE(before_ns, times.taken_ns) << tag;
    EXPECT_LE(times.taken_ns, times.started_ns) << tag;
    EXPECT_LT(times.started_ns, times.reaped_ns) << tag;
    EXPECT_LE(times.reaped_ns, times.told_ns) << tag;
    EXPECT_LE(times.told_ns, after_ns) << tag;
  }
}

TEST(IoTimes, CountWaitingForRoomAsTheServicesOwn) {
  TimedRig timed(/*depth=*/1);
  timed.rig.fake.Inject({FaultKind::kHeld});
  timed.rig.Start();
  fakes::FakeRequester& requester = timed.rig.requesters[0];
  const u32 first = requester.Post(timed.Read(0));
  const u32 second = requester.Post(timed.Read(1));
  while (timed.rig.service->counts().requests < 2) std::this_thread::yield();  // A request is counted after its time is noted.
  const uint64_t let_go_ns = MonotonicNs();
  timed.rig.fake.Release();
  ASSERT_TRUE(requester.WaitFor(first).has_value());
  ASSERT_TRUE(requester.WaitFor(second).has_value());
  EXPECT_LE(timed.times[1].taken_ns, let_go_ns);
  EXPECT_LE(timed.times[0].reaped_ns, timed.times[1].started_ns);
  EXPECT_LT(timed.times[0].started_ns, let_go_ns);
  EXPECT_LT(let_go_ns, timed.times[0].reaped_ns);
}

TEST(IoTimes, SayThatThereWasNoTransfer) {
  TimedRig timed;
  timed.rig.Start();
  ASSERT_EQ(timed.rig.CauseOf(IoRig::Read(timed.source, 0, 0, 4096, 3)), IoCause::kBadDestination);
  EXPECT_GT(timed.times[3].taken_ns, 0u);
  EXPECT_EQ(timed.times[3].started_ns, 0u);
  EXPECT_EQ(timed.times[3].reaped_ns, 0u);
  EXPECT_GE(timed.times[3].told_ns, timed.times[3].taken_ns);
}

TEST(IoTimes, SayThatTheEndDidNotWaitForTheTransfer) {
  TimedRig timed;
  timed.rig.fake.Inject({FaultKind::kHeld});
  timed.rig.Start();
  const u32 slot = timed.rig.requesters[0].Post(timed.Read(2));
  while (timed.rig.service->counts().requests == 0) std::this_thread::yield();
  EXPECT_EQ(timed.rig.service->Stop(absl::Milliseconds(20)).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(timed.rig.requesters[0].WaitFor(slot)->end.cause, static_cast<u32>(IoCause::kServiceStopped));
  const IoRequestTimes at_the_end = timed.times[2];
  EXPECT_GT(at_the_end.started_ns, 0u);
  EXPECT_EQ(at_the_end.reaped_ns, 0u);
  timed.rig.fake.Release();
  EXPECT_TRUE(timed.rig.service->Stop(kLong).ok());
  EXPECT_EQ(timed.times[2].reaped_ns, 0u) << "written after Stop had returned";
  EXPECT_EQ(timed.times[2].told_ns, at_the_end.told_ns);
}

TEST(IoTimes, AreNotNotedOfFencesNorOfTagsPastTheEnd) {
  TimedRig timed;
  timed.rig.Start();
  timed.rig.Do({layout::kIoFence, 0, 0, 0, 0, 5});
  EXPECT_EQ(timed.rig.CauseOf(IoRig::Read(timed.source, timed.rig.destinations[0], 0, 4096, 8)), IoCause::kNone);
  EXPECT_EQ(timed.rig.CauseOf(IoRig::Read(timed.source, timed.rig.destinations[0], 0, 4096, ~0u)), IoCause::kNone);
  for (const IoRequestTimes& times : timed.times) EXPECT_EQ(times.told_ns, 0u);
}

}  // namespace
}  // namespace penstock
