// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices on two GPUs in one process: each has its own life, and what they share outlives the one that goes first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "hip/gpu_api.h"
#include "penstock/error.h"
#include "tests/gpu/write_nowhere.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr u32 kBytes = 3 << 20;

using TwoProgram = device::Program<WriteNowhere>;

class TwoGpus : public testing::Test {
 protected:
  void SetUp() override {
    const auto gpus = FindGpus();
    ASSERT_TRUE(gpus.ok()) << gpus.status();
    if (gpus->size() < 2) GTEST_SKIP() << "there is one GPU. Fix: run it on a machine that has two.";
    for (u32 i = 0; i < kBytes; ++i) shared_[i] = static_cast<u8>(i * 7 + i / 256);
  }

  static std::unique_ptr<Device> Make(u32 gpu) {
    HipDeviceOptions options;
    options.index = gpu;
    options.workgroups = 8;
    return MakeDevice<TwoProgram>(options);
  }

  std::vector<u8> shared_ = std::vector<u8>(kBytes);
};

/// A device with the buffer that all share, and one of its own.
struct Side {
  Side(std::unique_ptr<Device> made, absl::Span<u8> shared)
      : device(std::move(made)), source(Register(*device, shared)), target(Register(*device, absl::MakeSpan(own))) {}

  /// Has the device copy one buffer to another.
  void Copy(u32 from, u32 to) {
    Work work = RangeWork(layout::kCopy, {from, 0, kBytes});
    layout::EncodeDestination({to, 0}, work.argument.data());
    EXPECT_EQ(ResultOf(RunWork(*device, work)), kBytes);
  }

  /// Has the device copy the shared buffer to its own, and compares.
  void ExpectThatItReads(const std::vector<u8>& shared) {
    std::fill(own.begin(), own.end(), u8{0});
    Copy(source, target);
    EXPECT_EQ(own, shared);
  }

  std::vector<u8> own = std::vector<u8>(kBytes);  // outlives the device
  std::unique_ptr<Device> device;
  u32 source;
  u32 target;
};

TEST_F(TwoGpus, RunSideBySideOnOneBuffer) {
  Side first(Make(0), absl::MakeSpan(shared_));
  Side second(Make(1), absl::MakeSpan(shared_));
  ASSERT_TRUE(first.device->Start().ok());
  ASSERT_TRUE(second.device->Start().ok());
  std::thread other([&] {
    for (u32 round = 0; round < 20; ++round) second.ExpectThatItReads(shared_);
  });
  for (u32 round = 0; round < 20; ++round) first.ExpectThatItReads(shared_);
  other.join();
  for (u32 i = 0; i < 5; ++i) EXPECT_EQ(ResultOf(RunWork(*first.device, MakeWork(layout::kAtomicAdd, {1, 1}))), i);
  EXPECT_EQ(ResultOf(RunWork(*second.device, MakeWork(layout::kAtomicAdd, {1, 1}))), 0u) << "words of its own";
  EXPECT_TRUE(first.device->Stop(kPatience).ok());
  EXPECT_TRUE(second.device->Stop(kPatience).ok());
}

TEST_F(TwoGpus, KeepTheBufferThatTheOneThatGoesFirstHasPinned) {
  auto first = std::make_unique<Side>(Make(0), absl::MakeSpan(shared_));
  Side second(Make(1), absl::MakeSpan(shared_));
  first.reset();
  ASSERT_TRUE(second.device->Start().ok());
  second.ExpectThatItReads(shared_);
  EXPECT_TRUE(second.device->Stop(kPatience).ok());
}

TEST_F(TwoGpus, OneIsMadeAndGoesWhileTheOtherRuns) {
  Side first(Make(0), absl::MakeSpan(shared_));
  ASSERT_TRUE(first.device->Start().ok());
  {
    Side second(Make(1), absl::MakeSpan(shared_));
    ASSERT_TRUE(second.device->Start().ok());
    second.ExpectThatItReads(shared_);
    EXPECT_TRUE(second.device->Stop(kPatience).ok());
  }
  first.ExpectThatItReads(shared_);
  EXPECT_TRUE(first.device->Stop(kPatience).ok());
}

TEST_F(TwoGpus, UnpinWhatTheyHavePinnedWhicheverGpuIsCurrent) {
  for (const u32 gpu : {0u, 1u}) {
    Side(Make(gpu), absl::MakeSpan(shared_)).device->Stop(kPatience).IgnoreError();
    ASSERT_EQ(hipHostRegister(shared_.data(), kBytes, hipHostRegisterMapped), hipSuccess) << "GPU " << gpu;
    ASSERT_EQ(hipHostUnregister(shared_.data()), hipSuccess);
  }
}

TEST_F(TwoGpus, OneUsesTheMemoryOfTheOther) {
  u8* on_second = nullptr;
  ASSERT_EQ(hipSetDevice(1), hipSuccess);
  ASSERT_EQ(hipMalloc(reinterpret_cast<void**>(&on_second), kBytes), hipSuccess);
  ASSERT_EQ(hipSetDevice(0), hipSuccess);
  {
    Side first(Make(0), absl::MakeSpan(shared_));
    const auto middle = first.device->RegisterBuffer(AsBytes({on_second, kBytes}), layout::kBufferRead | layout::kBufferWrite);
    // Machines whose GPUs do not reach each other exist; what must not be is a device that is lost by it.
    if (!middle.ok()) {
      EXPECT_THAT(CauseOf(middle.status()), HasSubstr("GPU 0 cannot reach the memory of GPU 1"));
    } else {
      ASSERT_TRUE(first.device->Start().ok());
      first.Copy(first.source, *middle);
      first.source = *middle;
      first.ExpectThatItReads(shared_);
      EXPECT_TRUE(first.device->Stop(kPatience).ok());
    }
  }
  EXPECT_EQ(hipFree(on_second), hipSuccess);
}

/// CUDA may take every GPU from a process in which one was lost. Whatever it does, the other device works or says that it is
/// lost; neither hangs.
TEST_F(TwoGpus, OneThatIsLostLeavesTheOtherToItsWorkOrEndsIt) {
  auto first = std::make_unique<Side>(Make(0), absl::MakeSpan(shared_));
  Side second(Make(1), absl::MakeSpan(shared_));
  ASSERT_TRUE(first->device->Start().ok());
  ASSERT_TRUE(second.device->Start().ok());
  const Ticket ticket = Publish(*first->device, MakeWork(WriteNowhere::kOpcode));
  for (u32 i = 0; i < 5000 && first->device->Check().ok(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(WaitFor(*first->device, ticket).fault, layout::FaultReason::kDeviceLost);
  const absl::Status state = second.device->Check();
  if (state.ok()) {
    second.ExpectThatItReads(shared_);
    EXPECT_TRUE(second.device->Stop(kPatience).ok());
  } else {
    EXPECT_EQ(state.code(), absl::StatusCode::kUnavailable) << state;
    EXPECT_FALSE(second.device->running());
  }
}

}  // namespace
}  // namespace penstock
