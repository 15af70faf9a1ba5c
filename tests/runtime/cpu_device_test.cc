// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The life of a CPU device: made, started, stopped, hung, started again.
#include "penstock/cpu_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "penstock/automaton.h"
#include "penstock/error.h"
#include "runtime/cpu_memory.h"
#include "tests/hip/device_session.h"
#include "tests/runtime/test_handlers.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

namespace penstock {
namespace {

using absl::StatusCode;
using layout::Priority;
using testing::AllOf;
using testing::HasSubstr;

constexpr absl::Duration kShort = absl::Milliseconds(20);

Work HoldWork() { return MakeWork(HoldUntilOpen::kOpcode); }
Work MixWork(u32 value) { return MakeWork(MixSlowly::kOpcode, {value, 0}); }

class CpuDevice : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { HoldUntilOpen::open = false; }
  void TearDown() override { HoldUntilOpen::open = true; }

  std::unique_ptr<Device> device_ = MakeDevice<TestProgram>(OptionsFor(GetParam()));
};
INSTANTIATE_TEST_SUITE_P(Shapes, CpuDevice, testing::Values(Shape{1, 1}, Shape{2, 1}, Shape{3, 1}, Shape{2, 3}), ShapeName);

TEST_P(CpuDevice, RunsEverySlotExactlyOnceWithItsOwnResult) {
  const u32 slots = GetParam().lanes > 1 ? 2000 : 20000;
  ASSERT_TRUE(device_->Start().ok());
  LiveRing& ring = device_->ring();
  Completion completion;
  u32 published = 0;
  for (u32 reaped = 0; reaped < slots;) {
    while (published < slots && ring.free_slots(Priority::kNormal) > 0) {
      const bool is_mix = published % 2 == 0;
      Publish(*device_, is_mix ? MixWork(published) : MakeWork(layout::kAtomicAdd, {7, 1}));
      ++published;
    }
    if (!ring.TryReapNext(Priority::kNormal, completion)) continue;
    ASSERT_EQ(completion.ticket.sequence, reaped);
    ASSERT_TRUE(completion.ok());
    if (reaped % 2 == 0) {
      ASSERT_EQ(completion.result, MixSlowly::Mixed(reaped));
    }
    ++reaped;
  }
  EXPECT_EQ(ResultOf(RunWork(*device_, MakeWork(layout::kLoadU32, {7}))), slots / 2);
}

TEST_P(CpuDevice, StopsWhileIdle) {
  ASSERT_TRUE(device_->Start().ok());
  EXPECT_TRUE(device_->running());
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_FALSE(device_->running());
  EXPECT_TRUE(device_->Stop(kPatience).ok());  // stopped already
}

TEST_P(CpuDevice, StopsWhileBusyAndGoesOnAfterTheNextStart) {
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 200; ++i) tickets.push_back(Publish(*device_, MakeWork(MixSlowly::kOpcode, {i, 200})));
  ASSERT_TRUE(device_->Start().ok());
  EXPECT_EQ(WaitFor(*device_, tickets[0]).result, MixSlowly::Mixed(0));
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_LT(device_->counters().done, 200u);  // it did not stay until the ring was empty
  ASSERT_TRUE(device_->Start().ok());
  for (u32 i = 1; i < 200; ++i) EXPECT_EQ(WaitFor(*device_, tickets[i]).result, MixSlowly::Mixed(i));
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().done, 200u);
}

TEST_P(CpuDevice, KeepsDeferredSlotsAcrossStopAndStart) {
  ASSERT_TRUE(device_->Start().ok());
  const Ticket waits = Publish(*device_, MakeWork(YieldUntilSet::kOpcode, {3}));
  RunWork(*device_, MakeWork(layout::kNop));
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  ASSERT_TRUE(device_->Start().ok());
  RunWork(*device_, MakeWork(layout::kStoreU32, {3, 1}));
  EXPECT_EQ(ResultOf(WaitFor(*device_, waits)), 1u);
}

TEST_P(CpuDevice, StopNamesTheSlotAndOpcodeThatHang) {
  ASSERT_TRUE(device_->Start().ok());
  const Ticket held = Publish(*device_, HoldWork());
  HoldUntilOpen::WaitUntilInside(GetParam().lanes);
  const absl::Status status = device_->Stop(kShort);
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("is in slot 512, opcode 0x1002"), HasSubstr("20ms")));
  EXPECT_TRUE(device_->running());
  EXPECT_EQ(device_->Start().code(), StatusCode::kFailedPrecondition);
  HoldUntilOpen::open = true;  // it was only slow
  EXPECT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_TRUE(ResultOf(WaitFor(*device_, held)) == 0);
}

TEST_P(CpuDevice, LeavesAHungHandlerItsMemory) {
  ASSERT_TRUE(device_->Start().ok());
  Publish(*device_, HoldWork());
  HoldUntilOpen::WaitUntilInside(GetParam().lanes);
  EXPECT_EQ(device_->Stop(kShort).code(), StatusCode::kDeadlineExceeded);
  const auto start = std::chrono::steady_clock::now();
  device_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  HoldUntilOpen::open = true;  // now it writes to its memory, and leaves
  HoldUntilOpen::WaitUntilInside(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

TEST_P(CpuDevice, RunOnceDrainsWhatIsPublishedAndReturns) {
  for (u32 round = 0; round < 20; ++round) {
    std::vector<Ticket> tickets;
    for (u32 i = 0; i < 50; ++i) {
      Work work = i % 10 == 3 ? MakeWork(RunAgain::kOpcode, {2, i % 2, 10 + i}) : MixWork(i);
      work.priority = static_cast<Priority>(i % layout::kPriorityCount);
      tickets.push_back(Publish(*device_, work));
    }
    ASSERT_TRUE(device_->RunOnce(kPatience).ok());
    EXPECT_FALSE(device_->running());
    Completion completion;
    for (const Ticket& ticket : tickets) ASSERT_TRUE(device_->ring().TryReap(ticket, completion)) << device_->ring().Dump();
    ASSERT_TRUE(device_->RunOnce(kPatience).ok());  // nothing to do
    for (u32 i = 0; i < 50; ++i) Publish(*device_, MakeWork(layout::kStoreU32, {10 + i, 0}));
    ASSERT_TRUE(device_->RunOnce(kPatience).ok());
    while (device_->ring().TryReapNext(Priority::kNormal, completion)) {
    }
  }
}

TEST_P(CpuDevice, RunOnceGivesUpOnAHandlerThatHangs) {
  Publish(*device_, HoldWork());
  EXPECT_EQ(device_->RunOnce(kShort).code(), StatusCode::kDeadlineExceeded);
  HoldUntilOpen::open = true;
  EXPECT_TRUE(device_->Stop(kPatience).ok());
}

TEST_P(CpuDevice, RefusesToStartTwiceAndToRegisterWhileItRuns) {
  std::vector<u8> bytes(8);
  ASSERT_TRUE(device_->Start().ok());
  EXPECT_EQ(device_->Start().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(device_->RunOnce(kPatience).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(device_->RegisterBuffer(AsBytes(absl::MakeSpan(bytes)), layout::kBufferRead).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(device_->RegisterAutomaton(BuildAutomaton({"a"}).value()).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(CpuDevice, ShutdownOpcodeEndsTheLoopForATenantThatMay) {
  ASSERT_TRUE(device_->SetTenant({4, layout::PermissionBit(layout::kShutdown), 0}).ok());
  ASSERT_TRUE(device_->Start().ok());
  Work shutdown = MakeWork(layout::kShutdown);
  shutdown.tenant = 4;
  EXPECT_TRUE(RunWork(*device_, shutdown).ok());
  const Ticket later = Publish(*device_, MixWork(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  ASSERT_TRUE(device_->Start().ok());
  EXPECT_EQ(WaitFor(*device_, later).result, MixSlowly::Mixed(1));
}

TEST_P(CpuDevice, HeartbeatGrowsWhileIdle) {
  ASSERT_TRUE(device_->Start().ok());
  const u64 first = device_->counters().heartbeat;
  while (device_->counters().heartbeat < first + 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST_P(CpuDevice, MirrorsDoneCountAndUserWordsWhileItRuns) {
  ASSERT_TRUE(device_->Start().ok());
  RunWork(*device_, MakeWork(layout::kStoreU32, {5, 0xC0FFEE}));
  while (device_->control_word(layout::kControlUserWords + 5) != 0xC0FFEE) std::this_thread::yield();
  while (device_->control_word(layout::kControlDoneCount) != 1) std::this_thread::yield();
}

TEST_P(CpuDevice, CountersAreExactAfterStop) {
  std::array<u64, layout::kOpcodeCounterCount> opcode = {};
  std::array<u64, layout::kPriorityCount> priority = {};
  u64 faults = 0;
  ASSERT_TRUE(device_->Start().ok());
  for (u32 round = 0; round < 10; ++round) {
    std::vector<Work> works;
    for (u32 i = 0; i < 100; ++i) {
      constexpr u32 kOpcodes[] = {layout::kNop, layout::kLoadU32, layout::kLoadMiss, layout::kCrc32c, MixSlowly::kOpcode, 9};
      works.push_back(MakeWork(kOpcodes[i % std::size(kOpcodes)]));
      works.back().priority = static_cast<Priority>(i % 7 % layout::kPriorityCount);
      ++opcode[layout::CounterRow(works.back().opcode)];
      ++priority[i % 7 % layout::kPriorityCount];
    }
    for (const Completion& completion : RunAll(*device_, works)) faults += completion.ok() ? 0 : 1;
  }
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  const layout::Counters counters = device_->counters();
  EXPECT_EQ(counters.done, 1000 - faults);
  EXPECT_EQ(counters.faults, faults);
  for (u32 i = 0; i < opcode.size(); ++i) {
    EXPECT_EQ(counters.opcode[i], opcode[i]) << i;
    EXPECT_EQ(device_->control_word(layout::kControlOpcodeCounters + i), opcode[i]) << i;
  }
  for (u32 i = 0; i < priority.size(); ++i) {
    EXPECT_EQ(counters.priority[i], priority[i]) << i;
    EXPECT_EQ(device_->control_word(layout::kControlPriorityCounters + i), priority[i]) << i;
  }
  EXPECT_EQ(device_->control_word(layout::kControlDoneCount), counters.done);
}

TEST(CpuDeviceControl, DescribesItsTables) {
  CpuDeviceOptions options;
  options.ring.slot_counts = {2, 4, 8, 16, 32};
  const auto device = MakeDevice(options);
  EXPECT_EQ(device->control_word(layout::kControlTenantTableStart), layout::kControlTenantMasks);
  EXPECT_EQ(device->control_word(layout::kControlTenantMasks), layout::kPermitAllButShutdown);
  EXPECT_EQ(device->control_word(layout::kControlTenantMasks + 1), 0u);
  for (u32 p = 0; p <= layout::kPriorityCount; ++p)
    EXPECT_EQ(device->control_word(layout::kControlPartitionOffsets + p), (2u << p) - 2);
  const u32 epoch = device->control_word(layout::kControlEpoch);
  device->BeginEpoch();
  EXPECT_EQ(device->control_word(layout::kControlEpoch), epoch + 1);
}

TEST(MakeCpuDevice, RefusesSizesOfZeroOrPastTheirLimits) {
  const auto code_with = [](auto change) {
    CpuDeviceOptions options;
    change(options);
    return MakeCpuDevice<>(options).status().code();
  };
  for (u32 size : {0u, ~0u}) {
    EXPECT_EQ(code_with([&](auto& options) { options.workgroups = size; }), StatusCode::kInvalidArgument);
    EXPECT_EQ(code_with([&](auto& options) { options.lanes = size; }), StatusCode::kInvalidArgument);
    EXPECT_EQ(code_with([&](auto& options) { options.user_words = size; }), StatusCode::kInvalidArgument);
    EXPECT_EQ(code_with([&](auto& options) { options.max_buffers = size; }), StatusCode::kInvalidArgument);
    EXPECT_EQ(code_with([&](auto& options) { options.debug_log_records = size; }), StatusCode::kInvalidArgument);
    EXPECT_EQ(code_with([&](auto& options) { options.ring.slot_counts[3] = size; }), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(code_with([](auto& options) { options.ring.slot_counts[0] = 1u << 31; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_with([](auto& options) { options.ring.slot_counts[0] = 3; }), StatusCode::kInvalidArgument);
}

TEST(MakeCpuDevice, RefusesTimesBelowZero) {
  CpuDeviceOptions limit;
  limit.slot_limit = -absl::Nanoseconds(1);
  CpuDeviceOptions interval;
  interval.mirror_interval = -absl::InfiniteDuration();
  for (const CpuDeviceOptions& options : {limit, interval}) {
    const absl::Status status = MakeCpuDevice<>(options).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(RemedyOf(status), HasSubstr("zero or more"));
  }
}

TEST(MakeCpuDevice, TakesInfiniteTimesAsLongOnes) {
  CpuDeviceOptions options;
  options.slot_limit = absl::InfiniteDuration();
  options.mirror_interval = absl::InfiniteDuration();
  const CpuMemory memory(options, 64);
  constexpr u64 kCenturyTicks = u64{100} * 365 * 24 * 3600 * device::Group::kTicksPerSecond;
  EXPECT_GT(memory.view().slot_limit_ticks, kCenturyTicks);
  EXPECT_GT(memory.view().mirror_interval_ticks, kCenturyTicks);
  EXPECT_GT(device::Group::Ticks() + memory.view().mirror_interval_ticks, kCenturyTicks) << "it wraps around";

  const std::unique_ptr<Device> device = MakeDevice<TestProgram>(options);
  ASSERT_TRUE(device->Start().ok());
  EXPECT_EQ(ResultOf(RunWork(*device, MakeWork(RunAgain::kOpcode, {20, 0, 5}))), 20u);
}

TEST(CpuDeviceBuffers, ThatTheDeviceHasAlreadyNeedAnAddressALengthAndRights) {
  CpuDeviceOptions options;
  options.max_buffers = 1;
  const std::unique_ptr<Device> device = MakeDevice(options);
  EXPECT_EQ(device->RegisterDeviceMemory(0, 16, layout::kBufferRead).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(device->RegisterDeviceMemory(4096, 0, layout::kBufferRead).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(device->RegisterDeviceMemory(4096, 16, 0).status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(device->RegisterDeviceMemory(4096, 16, layout::kBufferRead).ok());
  EXPECT_EQ(device->RegisterDeviceMemory(4096, 16, layout::kBufferRead).status().code(), StatusCode::kResourceExhausted);
}

TEST(CpuDeviceBuffers, AreRefusedWhenEmptyOrOfNoUseOrTooMany) {
  CpuDeviceOptions options;
  options.max_buffers = 2;
  const auto device = MakeDevice(options);
  std::vector<u8> bytes(8);
  const auto code_of = [&](size_t length, u32 rights) {
    return device->RegisterBuffer(AsBytes(absl::MakeSpan(bytes).first(length)), rights).status().code();
  };
  EXPECT_EQ(code_of(0, layout::kBufferRead), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(8, 0), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(8, layout::kBufferRead | layout::kBufferAutomaton), StatusCode::kInvalidArgument);
  EXPECT_EQ(device->RegisterAutomaton(std::vector<u32>(100)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(8, layout::kBufferRead), StatusCode::kOk);
  EXPECT_TRUE(device->RegisterAutomaton(BuildAutomaton({"a"}).value()).ok());
  EXPECT_EQ(code_of(8, layout::kBufferRead), StatusCode::kResourceExhausted);
  EXPECT_EQ(device->RegisterAutomaton(BuildAutomaton({"a"}).value()).status().code(), StatusCode::kResourceExhausted);
}

// Ends the process with 0 if a device of many threads says that they could not all be started, and can be made smaller.
[[noreturn]] void StartWithoutRoomForThreads() {
  CpuDeviceOptions options;
  options.workgroups = 64;
  options.lanes = 2;
  const auto device = MakeDevice<TestProgram>(options);
  const rlimit limit = {256u << 20, 256u << 20};  // 8 MiB of stack a thread
  if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(2);
  const absl::Status status = device->Start();
  std::exit(status.code() == StatusCode::kUnavailable && !device->running() && ErrnoOf(status).has_value() ? 0 : 1);
}

TEST(CpuDeviceDeathTest, StartIsUnavailableWithoutRoomForItsThreads) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs the address space. Fix: run the dev build.";
  EXPECT_EXIT(StartWithoutRoomForThreads(), testing::ExitedWithCode(0), "");
}

TEST(CpuDeviceIdle, CostsLessThanATwentiethOfACore) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer changes what idling costs. Fix: run the dev build.";
  CpuDeviceOptions options;
  options.workgroups = 2;
  const auto device = MakeDevice(options);
  ASSERT_TRUE(device->Start().ok());
  const auto used_us = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  };
  std::this_thread::sleep_for(std::chrono::seconds(1));
  int64_t used = 0;
  for (int tries = 0; tries < 5; ++tries) {  // another program's second can be dear for us too
    const auto before = used_us();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    used = used_us() - before;
    if (used < 50'000) break;
  }
  RecordProperty("idle_us_per_second", static_cast<int>(used));
  EXPECT_LT(used, 50'000);
}

}  // namespace
}  // namespace penstock
