// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel asks for bytes: requests, continuations, polls, deadlines, and what happens when the host does not answer.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "tests/fakes/fake_io_service.h"
#include "tests/hip/device_session.h"
#include "tests/hip/io_handlers.h"

namespace penstock {
namespace {

using fakes::FakeIoService;
using layout::FaultReason;
using layout::IoCause;
using layout::IoEnd;

constexpr u32 kSource = 0x10007;
constexpr u32 kDestination = 0x10009;

IoEnd EndedBy(IoCause cause) { return {static_cast<u32>(cause), 0}; }
Work ReadWork(u32 opcode, u32 offset = 0, u32 bytes = 4096, u32 last = 0) {
  return MakeWork(opcode, {kSource, kDestination, offset, bytes, last});
}

class IoRequests : public testing::TestWithParam<Shape> {
 protected:
  void Make(TestOptions options, u32 queues = 2) {
    options.io_queues = queues;
    options.max_resources = 4;
    device_ = MakeDevice<IoProgram>(options);
    service_.emplace(device_->io_queues());
  }
  void SetUp() override { Make(OptionsFor(GetParam())); }
  void Start() { ASSERT_TRUE(device_->Start().ok()); }
  void StopService() { service_->SetState(layout::IoServiceState::kStopped); }
  void ExpectServiceStopped(const Completion& completion) {
    ExpectFault(completion, FaultReason::kIoFailed, static_cast<u32>(IoCause::kServiceStopped));
  }

  std::unique_ptr<Device> device_;
  std::optional<FakeIoService> service_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, IoRequests, AllShapes(), ShapeName);

TEST_P(IoRequests, CarryEveryFieldAndResumeTheHandlerWithTheBytesThatLanded) {
  Start();
  const Ticket ticket = Publish(*device_, ReadWork(ReadOnce::kOpcode, 0xFFFF0000, 12345, 0xC0FFEE));
  const FakeIoService::Taken taken = service_->Take();
  EXPECT_EQ(taken.request.op_type, layout::kIoRead);
  EXPECT_EQ(taken.request.source_handle, kSource);
  EXPECT_EQ(taken.request.destination_handle, kDestination);
  EXPECT_EQ(taken.request.offset_bytes, 0xFFFF0000u);
  EXPECT_EQ(taken.request.byte_count, 12345u);
  EXPECT_EQ(taken.request.tag, 0u);
  service_->End(taken, {0, 12345});
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), layout::JoinWords(12345, 0xC0FFEE));
}

TEST_P(IoRequests, LetTheWorkgroupRunOtherSlotsMeanwhile) {
  Start();
  const Ticket waiting = Publish(*device_, ReadWork(ReadOnce::kOpcode));
  const FakeIoService::Taken taken = service_->Take();
  for (u32 i = 0; i < 200; ++i) EXPECT_EQ(ResultOf(RunWork(*device_, MakeWork(layout::kAtomicAdd, {0, 1}))), i);
  service_->End(taken, {0, 1});
  EXPECT_TRUE(WaitFor(*device_, waiting).ok());
}

TEST_P(IoRequests, ThatFailEndTheSlotWithTheirCause) {
  Start();
  const Ticket ticket = Publish(*device_, ReadWork(ReadOnce::kOpcode));
  service_->End(service_->Take(), EndedBy(IoCause::kMedium));
  ExpectFault(WaitFor(*device_, ticket), FaultReason::kIoFailed, static_cast<u32>(IoCause::kMedium));
}

TEST_P(IoRequests, EndInAnyOrder) {
  constexpr u32 kSlots = 100;
  std::mt19937 random(7);
  Start();
  for (u32 round = 0; round < 20; ++round) {
    std::vector<Ticket> tickets;
    std::vector<FakeIoService::Taken> taken;
    for (u32 i = 0; i < kSlots; ++i) tickets.push_back(Publish(*device_, ReadWork(ReadOnce::kOpcode, i, i + 1, i * i)));
    for (u32 i = 0; i < kSlots; ++i) taken.push_back(service_->Take());
    std::shuffle(taken.begin(), taken.end(), random);
    for (const FakeIoService::Taken& request : taken) service_->End(request, {0, request.request.byte_count});
    for (u32 i = 0; i < kSlots; ++i) {
      EXPECT_EQ(ResultOf(WaitFor(*device_, tickets[i])), layout::JoinWords(i + 1, i * i));
    }
  }
}

TEST_P(IoRequests, WaitForRoomWhenEveryQueueIsFull) {
  constexpr u32 kSlots = 200;  // in two queues of 64
  Start();
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < kSlots; ++i) tickets.push_back(Publish(*device_, ReadWork(ReadOnce::kOpcode, 0, 1, i)));
  std::vector<FakeIoService::Taken> taken;
  for (u32 i = 0; i < 128; ++i) taken.push_back(service_->Take());
  FakeIoService::Taken none;
  EXPECT_FALSE(service_->TryTake(0, none) || service_->TryTake(1, none));
  for (u32 i = 0; i < kSlots; ++i) {
    service_->End(taken[i], {0, 1});
    if (taken.size() < kSlots) taken.push_back(service_->Take());
  }
  for (u32 i = 0; i < kSlots; ++i) EXPECT_EQ(ResultOf(WaitFor(*device_, tickets[i])), layout::JoinWords(1, i));
}

TEST_P(IoRequests, AreRefusedWhenEveryQueueIsFullIfTheHandlerWantsThat) {
  Start();
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 128; ++i) tickets.push_back(Publish(*device_, ReadWork(ReadOnce::kOpcode)));
  std::vector<FakeIoService::Taken> taken;
  for (u32 i = 0; i < 128; ++i) taken.push_back(service_->Take());
  ExpectFault(RunWork(*device_, ReadWork(ReadOrRefuse::kOpcode)), FaultReason::kIoFailed, static_cast<u32>(IoCause::kQueueFull));
  for (const FakeIoService::Taken& request : taken) service_->End(request, {0, 1});
  for (const Ticket& ticket : tickets) EXPECT_TRUE(WaitFor(*device_, ticket).ok());
}

TEST_P(IoRequests, OfOneSlotFollowOneAnother) {
  constexpr u32 kRequests = 1000;
  Start();
  const Ticket ticket = Publish(*device_, ReadWork(ReadMany::kOpcode, 0, 0, kRequests));
  for (u32 i = 0; i < kRequests; ++i) {
    const FakeIoService::Taken taken = service_->Take();
    EXPECT_EQ(taken.request.tag, i);
    service_->End(taken, {0, i});
  }
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), kRequests * (kRequests - 1) / 2);
}

TEST_P(IoRequests, CanBePolledFor) {
  Start();
  for (u32 i = 0; i < 300; ++i) {
    const Ticket polls = Publish(*device_, ReadWork(ReadPolled::kOpcode));
    const Ticket waits = Publish(*device_, ReadWork(ReadOnce::kOpcode));
    for (u32 k = 0; k < 2; ++k) service_->End(service_->Take(), {0, i});
    EXPECT_EQ(ResultOf(WaitFor(*device_, polls)), i);
    EXPECT_EQ(layout::LowWord(ResultOf(WaitFor(*device_, waits))), i);
  }
}

TEST_P(IoRequests, ThatNobodyAnswersEndTheSlotAtItsLimit) {
  TestOptions options = OptionsFor(GetParam());
  options.slot_limit = absl::Milliseconds(300);  // of the answered ones below, too, beside whatever runs
  Make(options, 1);
  Start();
  const Ticket waits = Publish(*device_, ReadWork(ReadOnce::kOpcode));
  const FakeIoService::Taken late = service_->Take();
  ExpectFault(WaitFor(*device_, waits), FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
  service_->End(late, {0, 1});  // too late: it gives the queue's slot back, and nobody is resumed
  for (u32 i = 0; i < 100; ++i) {
    const Ticket ticket = Publish(*device_, ReadWork(ReadOnce::kOpcode, 0, 1, i));
    service_->End(service_->Take(), {0, 1});
    EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), layout::JoinWords(1, i));
  }
}

TEST_P(IoRequests, ThatFoundNoRoomEndAtTheSlotsLimit) {
  TestOptions options = OptionsFor(GetParam());
  options.slot_limit = absl::Milliseconds(30);
  Make(options, 1);
  Start();
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 65; ++i) tickets.push_back(Publish(*device_, ReadWork(ReadOnce::kOpcode)));
  std::map<u32, u32> details;
  for (const Ticket& ticket : tickets) {
    const Completion completion = WaitFor(*device_, ticket);
    EXPECT_EQ(completion.fault, FaultReason::kIoFailed);
    ++details[completion.fault_detail];
  }
  EXPECT_EQ(details[static_cast<u32>(IoCause::kGivenUp)], 64u);
  EXPECT_EQ(details[static_cast<u32>(IoCause::kQueueFull)], 1u);
}

TEST_P(IoRequests, ThatAreNeverPolledForGiveTheirQueuesSlotBackInTheEnd) {
  TestOptions options = OptionsFor(GetParam());
  options.slot_limit = absl::Milliseconds(30);
  Make(options, 1);
  Start();
  for (u32 i = 0; i < 64; ++i) EXPECT_EQ(ResultOf(RunWork(*device_, ReadWork(ForgetsToPoll::kOpcode))), 1u);
  for (u32 i = 0; i < 64; ++i) service_->End(service_->Take(), {0, 1});
  for (u32 tries = 0; ResultOf(RunWork(*device_, ReadWork(ForgetsToPoll::kOpcode))) == 0; ++tries) {
    ASSERT_LT(tries, 100'000u);
    absl::SleepFor(absl::Milliseconds(1));
  }
}

TEST_P(IoRequests, GoOnAfterTheKernelWasStoppedAndStartedAgain) {
  Start();
  const Ticket first = Publish(*device_, ReadWork(ReadOnce::kOpcode, 0, 1, 1));
  const Ticket second = Publish(*device_, ReadWork(ReadOnce::kOpcode, 0, 1, 2));
  const FakeIoService::Taken one = service_->Take();
  const FakeIoService::Taken other = service_->Take();
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  service_->End(one, {0, one.request.tag});  // while nothing runs
  Start();
  service_->End(other, {0, other.request.tag});
  EXPECT_EQ(ResultOf(WaitFor(*device_, first)), layout::JoinWords(0, 1));
  EXPECT_EQ(ResultOf(WaitFor(*device_, second)), layout::JoinWords(1, 2));
}

TEST_P(IoRequests, GoOnAfterAPauseThatWasLongerThanTheSlotsLimit) {
  TestOptions options = OptionsFor(GetParam());
  options.slot_limit = absl::Milliseconds(300);
  Make(options, 1);
  Start();
  const Ticket waits = Publish(*device_, ReadWork(ReadOnce::kOpcode, 0, 1, 1));
  const FakeIoService::Taken taken = service_->Take();
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  service_->End(taken, {0, 1});
  absl::SleepFor(options.slot_limit);
  Start();
  EXPECT_EQ(ResultOf(WaitFor(*device_, waits)), layout::JoinWords(1, 1));
}

TEST_P(IoRequests, EndAtOnceWhenTheServiceHasStopped) {
  Start();
  StopService();
  ExpectServiceStopped(RunWork(*device_, ReadWork(ReadOnce::kOpcode)));
  ExpectServiceStopped(RunWork(*device_, ReadWork(ReadPolled::kOpcode)));
}

TEST_P(IoRequests, AreMadeAgainOnceThereIsAServiceAgain) {
  TestOptions options = OptionsFor({1, GetParam().lanes});  // one workgroup: it claims the slots one after the other
  Make(options, 1);
  ASSERT_TRUE(device_->SetTenant({0, ~0u, 0}).ok());  // SHUTDOWN is not for everybody
  StopService();
  const Ticket shutdown = Publish(*device_, MakeWork(layout::kShutdown));
  const Ticket left = Publish(*device_, ReadWork(ReadOnce::kOpcode, 0, 1, 1));
  Start();
  EXPECT_TRUE(WaitFor(*device_, shutdown).ok());
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  ASSERT_TRUE(device_->ring().IsInFlight(left)) << "seen by the kernel, and claimed by nobody";
  service_->SetState(layout::IoServiceState::kServing);
  Start();
  service_->End(service_->Take(), {0, 1});
  EXPECT_EQ(ResultOf(WaitFor(*device_, left)), layout::JoinWords(1, 1));
}

TEST_P(IoRequests, ThatWaitForRoomEndAtOnceWhenTheServiceHasStopped) {
  Make(OptionsFor(GetParam()), 1);
  Start();
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 65; ++i) tickets.push_back(Publish(*device_, ReadWork(ReadOnce::kOpcode)));
  std::vector<FakeIoService::Taken> taken;
  for (u32 i = 0; i < 64; ++i) taken.push_back(service_->Take());
  StopService();
  Completion refused;  // of the one that there was no room for
  const auto try_reap = [&](const Ticket& ticket) { return device_->ring().TryReap(ticket, refused); };
  const absl::Time deadline = absl::Now() + kPatience / 2;
  while (std::none_of(tickets.begin(), tickets.end(), try_reap)) ASSERT_LT(absl::Now(), deadline);
  ExpectServiceStopped(refused);
  for (const FakeIoService::Taken& request : taken) service_->End(request, {0, 1});
  for (const Ticket& ticket : tickets) {
    if (!device_->ring().IsInFlight(ticket)) continue;
    EXPECT_TRUE(WaitFor(*device_, ticket).ok());
  }
}

TEST_P(IoRequests, AreWaitedForByRunOnce) {
  constexpr u32 kLate = 10;
  constexpr u32 kRequests = 300;  // between two of them nothing waits, and workgroups leave
  const Ticket ticket = Publish(*device_, ReadWork(ReadMany::kOpcode, 0, 0, kRequests));
  std::thread host([this] {
    for (u32 i = 0; i < kRequests; ++i) {
      if (i < kLate) absl::SleepFor(absl::Milliseconds(1));
      service_->End(service_->Take(), {0, 1});
    }
  });
  EXPECT_TRUE(device_->RunOnce(kPatience).ok());
  host.join();
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), kRequests);
}

// --- LOAD_MISS ---

Work LoadWork(u32 id, bool prefetch = false) { return MakeWork(layout::kLoadMiss, {id, prefetch ? 1u : 0u}); }

TEST_P(IoRequests, OfALoadMissComeFromItsResourcesRow) {
  ASSERT_TRUE(device_->SetResource(2, {0x1234567890, 8192, kSource, kDestination, 0}).ok());
  Start();
  const Ticket ticket = Publish(*device_, LoadWork(2));
  const FakeIoService::Taken taken = service_->Take();
  EXPECT_EQ(taken.request.op_type, layout::kIoRead);
  EXPECT_EQ(taken.request.source_handle, kSource);
  EXPECT_EQ(taken.request.destination_handle, kDestination);
  EXPECT_EQ(taken.request.offset_bytes, 0x1234567890u);
  EXPECT_EQ(taken.request.byte_count, 8192u);
  service_->End(taken, {0, 8192});
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), 8192u);
  EXPECT_EQ(ResultOf(RunWork(*device_, LoadWork(2))), 8192u);  // there already
}

TEST_P(IoRequests, OfAPrefetchGoOnWhenTheSlotIsDone) {
  ASSERT_TRUE(device_->SetResource(0, {0, 4096, kSource, kDestination, 0}).ok());
  Start();
  EXPECT_EQ(ResultOf(RunWork(*device_, LoadWork(0, true))), 0u);
  const FakeIoService::Taken taken = service_->Take();
  EXPECT_EQ(ResultOf(RunWork(*device_, LoadWork(0, true))), 0u);  // it is under way
  const Ticket needs = Publish(*device_, LoadWork(0));
  service_->End(taken, {0, 4096});
  EXPECT_EQ(ResultOf(WaitFor(*device_, needs)), 4096u);
  FakeIoService::Taken none;
  EXPECT_FALSE(service_->TryTake(0, none) || service_->TryTake(1, none));
}

TEST_P(IoRequests, OfALoadMissThatFailAreMadeAgainByTheNext) {
  ASSERT_TRUE(device_->SetResource(0, {0, 4096, kSource, kDestination, 0}).ok());
  Start();
  for (const bool prefetch : {false, true}) {
    const Ticket ticket = Publish(*device_, LoadWork(0, prefetch));
    service_->End(service_->Take(), EndedBy(IoCause::kVolumeGone));
    const Completion completion = WaitFor(*device_, ticket);
    if (!prefetch) ExpectFault(completion, FaultReason::kIoFailed, static_cast<u32>(IoCause::kVolumeGone));
  }
  const Ticket ticket = Publish(*device_, LoadWork(0));
  service_->End(service_->Take(), {0, 4096});
  EXPECT_EQ(ResultOf(WaitFor(*device_, ticket)), 4096u);
}

TEST_P(IoRequests, OfAPrefetchAreNotMadeWhenTheServiceHasStopped) {
  ASSERT_TRUE(device_->SetResource(0, {0, 4096, kSource, kDestination, 0}).ok());
  Start();
  StopService();
  for (const bool prefetch : {true, false}) {
    ExpectServiceStopped(RunWork(*device_, LoadWork(0, prefetch)));
  }
  FakeIoService::Taken none;
  EXPECT_FALSE(service_->TryTake(0, none) || service_->TryTake(1, none));
}

TEST_P(IoRequests, OfALoadMissThatIsGivenUpGoOnAndNoOtherIsMadeMeanwhile) {
  constexpr absl::Duration kLimit = absl::Milliseconds(300);
  for (const bool prefetch : {false, true}) {
    TestOptions options = OptionsFor(GetParam());
    options.slot_limit = kLimit;
    Make(options);
    ASSERT_TRUE(device_->SetResource(0, {0, 4096, kSource, kDestination, 0}).ok());
    Start();
    const Ticket first = Publish(*device_, LoadWork(0, prefetch));
    const FakeIoService::Taken late = service_->Take();
    const Completion completion = WaitFor(*device_, first);
    if (!prefetch) ExpectFault(completion, FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
    if (prefetch) absl::SleepFor(kLimit + absl::Milliseconds(100));
    ExpectFault(RunWork(*device_, LoadWork(0)), FaultReason::kDeadline, 0);  // it has waited for the first one's end
    FakeIoService::Taken none;
    EXPECT_FALSE(service_->TryTake(0, none) || service_->TryTake(1, none)) << "its destination is still in use";
    service_->End(late, {0, 4096});
    Completion third;
    for (u32 tries = 0; tries < 100 && third.result == 0; ++tries) third = RunWork(*device_, LoadWork(0));
    EXPECT_EQ(ResultOf(third), 4096u);
    EXPECT_FALSE(service_->TryTake(0, none) || service_->TryTake(1, none));
  }
}

TEST_P(IoRequests, OfALoadMissThatIsGivenUpAreMadeAgainWhenTheyFailInTheEnd) {
  TestOptions options = OptionsFor(GetParam());
  options.slot_limit = absl::Seconds(1);  // of the second one below, too
  Make(options);
  ASSERT_TRUE(device_->SetResource(0, {0, 4096, kSource, kDestination, 0}).ok());
  Start();
  const Ticket first = Publish(*device_, LoadWork(0));
  const FakeIoService::Taken late = service_->Take();
  ExpectFault(WaitFor(*device_, first), FaultReason::kIoFailed, static_cast<u32>(IoCause::kGivenUp));
  const Ticket second = Publish(*device_, LoadWork(0));
  service_->End(late, EndedBy(IoCause::kTimedOut));
  service_->End(service_->Take(), {0, 4096});
  EXPECT_EQ(ResultOf(WaitFor(*device_, second)), 4096u);
}

TEST_P(IoRequests, OfALoadMissEndTheLoadAlsoWhenItsSlotMayNotRunAnyMore) {
  ASSERT_TRUE(device_->SetResource(0, {0, 4096, kSource, kDestination, 0}).ok());
  ASSERT_TRUE(device_->SetTenant({1, layout::kPermitAllButShutdown, 0}).ok());
  Start();
  Work work = LoadWork(0);
  work.tenant = 1;
  const Ticket ticket = Publish(*device_, work);
  const FakeIoService::Taken taken = service_->Take();
  ASSERT_TRUE(device_->SetTenant({1, 0, 0}).ok());
  EXPECT_TRUE(RunWork(*device_, MakeWork(layout::kNop)).ok());  // the kernel has seen the doorbell since
  service_->End(taken, {0, 4096});
  ExpectFault(WaitFor(*device_, ticket), FaultReason::kTenantDenied, layout::kLoadMiss);
  EXPECT_EQ(ResultOf(RunWork(*device_, LoadWork(0))), 4096u);
}

TEST_P(IoRequests, OfALoadMissNeedAResourceThatThereIs) {
  Start();
  ExpectFault(RunWork(*device_, LoadWork(1)), FaultReason::kBadArgument, 0);
  ExpectFault(RunWork(*device_, LoadWork(4)), FaultReason::kBadArgument, 0);
  EXPECT_EQ(device_->SetResource(0, {}).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->SetResource(4, {}).code(), absl::StatusCode::kOutOfRange);
}

TEST(DeviceWithoutIoQueues, RefusesRequests) {
  const std::unique_ptr<Device> device = MakeDevice<IoProgram>();
  EXPECT_TRUE(device->io_queues().empty());
  ASSERT_TRUE(device->Start().ok());
  ExpectFault(RunWork(*device, MakeWork(layout::kLoadMiss, {0, 0})), FaultReason::kNotConnected, 0);
  ExpectFault(RunWork(*device, ReadWork(ReadOrRefuse::kOpcode)), FaultReason::kNotConnected, 0);
}

}  // namespace
}  // namespace penstock
