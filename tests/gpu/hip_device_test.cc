// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The life of a HIP device on a real GPU: stopped, hung, wrapped around, lost, and beside an application's own work.
#include "penstock/hip_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "hip/gpu_api.h"
#include "penstock/clock.h"
#include "penstock/device_clock.h"
#include "penstock/error.h"
#include "tests/gpu/write_nowhere.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using absl::StatusCode;
using layout::Priority;
using testing::AllOf;
using testing::HasSubstr;

/// Holds its workgroup until the first word of the buffer is not 0: not even Stop ends it. The second word tells that it began.
struct HoldUntilOpen {
  static constexpr u32 kOpcode = 0x1002;
  static constexpr u32 kArgumentCount = layout::kRangeWords;
  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    device::Bytes bytes;
    const layout::Range range = layout::DecodeRange(context.argument);
    if (device::Outcome refused = context.Resolve(range, layout::kBufferWrite, bytes); refused.IsFault()) return refused;
    u32* const words = reinterpret_cast<u32*>(bytes.data);
    if (context.group.IsLeader()) {
      layout::StoreRelease<layout::Scope::kSystem>(&words[1], 1u);
      while (layout::LoadRelaxed<layout::Scope::kSystem>(&words[0]) == 0) device::SpinPause();
    }
    context.group.Barrier();
    return device::Outcome::Done();
  }
};

using LifeProgram = device::Program<HoldUntilOpen, WriteNowhere>;

class HipDeviceLife : public testing::TestWithParam<Shape> {
 protected:
  std::unique_ptr<Device> device_ = MakeDevice<LifeProgram>(OptionsFor(GetParam()));
};
INSTANTIATE_TEST_SUITE_P(Shapes, HipDeviceLife, AllShapes(), ShapeName);

TEST_P(HipDeviceLife, StopsWhileIdleAndRunsAgain) {
  for (u32 round = 0; round < 5; ++round) {
    ASSERT_TRUE(device_->Start().ok());
    EXPECT_EQ(ResultOf(RunWork(*device_, MakeWork(layout::kAtomicAdd, {1, 1}))), round);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(device_->Stop(kPatience).ok());
    EXPECT_EQ(device_->counters().done, round + 1);
    EXPECT_GT(device_->counters().heartbeat, 0u);
  }
}

TEST_P(HipDeviceLife, RunOnceDrainsWhatIsPublishedAndReturns) {
  std::vector<Ticket> tickets;
  for (u32 i = 0; i < 200; ++i) {
    Work work = MakeWork(layout::kAtomicAdd, {2, 1});
    work.priority = static_cast<Priority>(i % layout::kPriorityCount);
    tickets.push_back(Publish(*device_, work));
  }
  ASSERT_TRUE(device_->RunOnce(kPatience).ok());
  for (const Ticket& ticket : tickets) EXPECT_TRUE(WaitFor(*device_, ticket).ok());
  EXPECT_EQ(device_->counters().done, 200u);
}

TEST_P(HipDeviceLife, StopNamesSlotOpcodeAndAgeOfAHandlerThatHangs) {
  alignas(4096) static std::array<u32, 1024> gate;
  gate.fill(0);
  const auto handle = device_->RegisterBuffer(AsBytes({reinterpret_cast<u8*>(gate.data()), sizeof(gate)}), layout::kBufferWrite);
  ASSERT_TRUE(handle.ok()) << handle.status();
  ASSERT_TRUE(device_->Start().ok());
  const Ticket held = Publish(*device_, RangeWork(HoldUntilOpen::kOpcode, {*handle, 0, 8}));
  while (layout::LoadAcquire<layout::Scope::kSystem>(&gate[1]) == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const absl::Status status = device_->Stop(absl::Milliseconds(50));
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("is in slot 512, opcode 0x1002, for 3"), HasSubstr("ms")));  // 350 ms or so
  EXPECT_TRUE(device_->running());
  layout::StoreRelease<layout::Scope::kSystem>(&gate[0], 1u);  // it was only slow
  EXPECT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_TRUE(WaitFor(*device_, held).ok());
}

TEST_P(HipDeviceLife, ALostDeviceEndsWhatIsInFlight) {
  ASSERT_TRUE(device_->Start().ok());
  EXPECT_TRUE(device_->Check().ok());
  const Ticket ticket = Publish(*device_, MakeWork(WriteNowhere::kOpcode));
  for (u32 i = 0; i < 5000 && device_->Check().ok(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const absl::Status status = device_->Check();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(status), AllOf(HasSubstr("was lost with 1 slots in flight"), HasSubstr("memory that it may not touch")));
  EXPECT_EQ(WaitFor(*device_, ticket).fault, layout::FaultReason::kDeviceLost);
  EXPECT_FALSE(device_->running());
  const Ticket later = Publish(*device_, MakeWork(layout::kNop));
  EXPECT_EQ(device_->Check().code(), StatusCode::kUnavailable);
  EXPECT_EQ(WaitFor(*device_, later).fault, layout::FaultReason::kDeviceLost);
  EXPECT_EQ(device_->Start().code(), StatusCode::kUnavailable);
  device_.reset();
  // CUDA may want a new process after this fault: then a new device says so.
  const auto next = MakeHipDevice<LifeProgram>(OptionsFor(GetParam()));
  if (next.ok()) {
    ASSERT_TRUE((*next)->Start().ok());
    EXPECT_TRUE(RunWork(**next, MakeWork(layout::kNop)).ok());
  } else {
    EXPECT_THAT(RemedyOf(next.status()), HasSubstr("start the process again"));
  }
}

TEST_P(HipDeviceLife, WrapsAroundAfterTwoToTheSixteenLaps) {
  constexpr u32 kRing = 4;
  constexpr u32 kSlots = (70000) * kRing;
  TestOptions options = OptionsFor(GetParam());
  options.ring.slot_counts = {1, 1, kRing, 1, 1};
  options.ring.first_sequence = ~0u - kSlots / 2;  // 32-bit counters wrap half-way
  device_ = MakeDevice<LifeProgram>(options);
  ASSERT_TRUE(device_->Start().ok());
  LiveRing& ring = device_->ring();
  Completion completion;
  u32 published = 0;
  for (u32 reaped = 0; reaped < kSlots;) {
    while (published < kSlots && ring.free_slots(Priority::kNormal) > 0) {
      Publish(*device_, MakeWork(layout::kAtomicAdd, {3, 1}));
      ++published;
    }
    if (!ring.TryReapNext(Priority::kNormal, completion)) continue;
    ASSERT_TRUE(completion.ok());
    ASSERT_EQ(completion.ticket.sequence, options.ring.first_sequence + reaped);
    ++reaped;
  }
  EXPECT_EQ(ResultOf(RunWork(*device_, MakeWork(layout::kLoadU32, {3}))), kSlots);
}

TEST_P(HipDeviceLife, CopiesHostMemoryToTheGpusAndBack) {
  constexpr u32 kBytes = 3 << 20;
  void* on_gpu = nullptr;
  ASSERT_EQ(hipMalloc(&on_gpu, kBytes), hipSuccess);
  std::vector<u8> from(kBytes);
  std::vector<u8> back(kBytes);
  for (u32 i = 0; i < kBytes; ++i) from[i] = static_cast<u8>(i * 7 + i / 256);
  const u32 source = Register(*device_, absl::MakeSpan(from));
  const u32 middle = Register(*device_, {static_cast<u8*>(on_gpu), kBytes});
  const u32 target = Register(*device_, absl::MakeSpan(back));
  ASSERT_TRUE(device_->Start().ok());
  const auto copy = [&](u32 range, u32 destination) {
    Work work = RangeWork(layout::kCopy, {range, 0, kBytes});
    layout::EncodeDestination({destination, 0}, work.argument.data());
    return ResultOf(RunWork(*device_, work));
  };
  EXPECT_EQ(copy(source, middle), kBytes);
  EXPECT_EQ(copy(middle, target), kBytes);
  EXPECT_EQ(from, back);
  device_.reset();
  EXPECT_EQ(hipFree(on_gpu), hipSuccess);
}

__global__ void AddOne(u32* words) { words[threadIdx.x] += 1; }

TEST_P(HipDeviceLife, AnApplicationsKernelsAndCopiesMakeProgress) {
  constexpr u32 kRounds = 200;
  hipStream_t stream = nullptr;
  ASSERT_EQ(hipStreamCreateWithFlags(&stream, hipStreamNonBlocking), hipSuccess);
  u32* host = nullptr;
  u32* words = nullptr;
  ASSERT_EQ(hipHostMalloc(reinterpret_cast<void**>(&host), 256 * sizeof(u32), hipHostMallocMapped), hipSuccess);
  ASSERT_EQ(hipMalloc(reinterpret_cast<void**>(&words), 256 * sizeof(u32)), hipSuccess);
  void* arguments[] = {&words};
  // Once before the megakernel is there: the first launch loads the kernel, and CUDA may wait for the whole GPU to do so.
  ASSERT_EQ(hipLaunchKernel(reinterpret_cast<const void*>(&AddOne), dim3(1), dim3(256), arguments, 0, stream), hipSuccess);
  ASSERT_EQ(hipStreamSynchronize(stream), hipSuccess);
  for (u32 i = 0; i < 256; ++i) host[i] = i;
  ASSERT_TRUE(device_->Start().ok());
  RunWork(*device_, MakeWork(layout::kNop));
  for (u32 round = 0; round < kRounds; ++round) {
    ASSERT_EQ(hipMemcpyAsync(words, host, 256 * sizeof(u32), hipMemcpyHostToDevice, stream), hipSuccess);
    ASSERT_EQ(hipLaunchKernel(reinterpret_cast<const void*>(&AddOne), dim3(1), dim3(256), arguments, 0, stream), hipSuccess);
    ASSERT_EQ(hipMemcpyAsync(host, words, 256 * sizeof(u32), hipMemcpyDeviceToHost, stream), hipSuccess);
    ASSERT_EQ(hipStreamSynchronize(stream), hipSuccess);
    ASSERT_TRUE(RunWork(*device_, MakeWork(layout::kNop)).ok());
  }
  for (u32 i = 0; i < 256; ++i) ASSERT_EQ(host[i], i + kRounds);
  EXPECT_TRUE(device_->running());
  ASSERT_TRUE(device_->Stop(kPatience).ok());
  EXPECT_EQ(device_->counters().done, kRounds + 1);
  EXPECT_EQ(hipFree(words), hipSuccess);
  EXPECT_EQ(hipHostFree(host), hipSuccess);
  EXPECT_EQ(hipStreamDestroy(stream), hipSuccess);
}

/// The GPU finds this memory where the host does: the addresses of its ends do not tell.
TEST_P(HipDeviceLife, RefusesABufferOfWhichTheApplicationHasPinnedTheEndsOnly) {
  constexpr size_t kPage = 4096;
  std::byte* const memory = static_cast<std::byte*>(std::aligned_alloc(kPage, 4 * kPage));
  ASSERT_EQ(hipHostRegister(memory, kPage, hipHostRegisterMapped | hipHostRegisterPortable), hipSuccess);
  ASSERT_EQ(hipHostRegister(memory + 3 * kPage, kPage, hipHostRegisterMapped | hipHostRegisterPortable), hipSuccess);
  const auto refused = device_->RegisterBuffer({memory, 4 * kPage}, layout::kBufferRead);
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(CauseOf(refused.status()), HasSubstr("several pieces"));
  EXPECT_TRUE(device_->RegisterBuffer({memory + kPage, 2 * kPage}, layout::kBufferRead).ok());
  EXPECT_TRUE(device_->RegisterBuffer({memory, 4 * kPage}, layout::kBufferRead).ok()) << "the device has pinned the rest";
  device_.reset();
  EXPECT_EQ(hipHostUnregister(memory), hipSuccess);
  EXPECT_EQ(hipHostUnregister(memory + 3 * kPage), hipSuccess);
  std::free(memory);
}

TEST(HipDeviceTimes, AreTheHostsToWithinARoundTrip) {
  TestOptions options = OptionsFor({1, device::kGpuLanes});
  options.slot_times = true;
  const std::unique_ptr<Device> device = MakeDevice<LifeProgram>(options);
  std::vector<u8> bytes(16u << 20);
  const u32 handle = Register(*device, absl::MakeSpan(bytes));
  ASSERT_TRUE(device->Start().ok());
  DeviceClock clock(device->slot_clock());
  ASSERT_TRUE(clock.must_learn());
  const auto trip = [&](const Work& work) {
    const uint64_t published_ns = MonotonicNs();
    const Completion completion = RunWork(*device, work);
    return DeviceClock::RoundTrip{published_ns, MonotonicNs(), completion.times};
  };
  for (u32 i = 0; i < 1000; ++i) clock.Learn(trip(MakeWork(layout::kNop)));
  EXPECT_LT(clock.uncertainty_ns(), 50'000u);
  const uint64_t slack_ns = 2 * clock.uncertainty_ns() + 1000;  // the clock of some GPUs goes in steps of a microsecond
  const Work crc = RangeWork(layout::kCrc32c, {handle, 0, static_cast<u32>(bytes.size())});
  for (u32 i = 0; i < 20; ++i) {
    clock.Learn(trip(MakeWork(layout::kNop)));
    const DeviceClock::RoundTrip long_trip = trip(crc);
    const uint64_t claimed_ns = clock.HostNs(long_trip.times.claimed_ticks);
    const uint64_t ended_ns = clock.HostNs(long_trip.times.ended_ticks);
    EXPECT_GE(claimed_ns + slack_ns, long_trip.published_ns);
    EXPECT_LE(ended_ns, long_trip.reaped_ns + slack_ns);
    EXPECT_GT(ended_ns - claimed_ns, 50'000u) << "16 MiB come over the bus";
  }
}

TEST(MakeHipDevice, RefusesMoreWorkgroupsThanCanBeResident) {
  HipDeviceOptions options;
  options.workgroups = 60000;
  const absl::Status status = MakeHipDevice(options).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(RemedyOf(status), HasSubstr("use at most "));
  options.workgroups = 0;
  options.spare_compute_units = 60000;
  EXPECT_EQ(MakeHipDevice(options).status().code(), StatusCode::kInvalidArgument);
}

TEST(MakeHipDevice, LeavesComputeUnitsToTheApplication) {
  HipDeviceOptions options;
  const u32 all = MakeHipDevice(options).value()->workgroups();
  options.spare_compute_units = 8;
  EXPECT_EQ(MakeHipDevice(options).value()->workgroups(), all - 8);
}

TEST(MakeHipDevice, RefusesSettingsUnderWhichLaunchesWait) {
  setenv("HIP_LAUNCH_BLOCKING", "1", 1);
  const absl::Status status = MakeHipDevice(HipDeviceOptions{}).status();
  unsetenv("HIP_LAUNCH_BLOCKING");
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(RemedyOf(status), HasSubstr("unset HIP_LAUNCH_BLOCKING"));
}

TEST(MakeHipDevice, NamesTheGpusThatThereAre) {
  HipDeviceOptions options;
  options.index = 999;
  const absl::Status status = MakeHipDevice(options).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(CauseOf(status), HasSubstr("there is no GPU 999"));
}

}  // namespace
}  // namespace penstock
