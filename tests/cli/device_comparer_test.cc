// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/device_comparer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "penstock/cpu_device.h"
#include "penstock/error.h"
#include "penstock/window_check.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::unique_ptr<Device>> NoGpu(u32, const DeviceOptions&) {
  return MakeError(absl::StatusCode::kFailedPrecondition, What("there is no GPU"), Fix("put one in"));
}

class Comparer : public testing::Test {
 protected:
  static DeviceMemory SomeMemory() {
    auto pool = std::make_shared<BufferPool>(BufferPool::Create({.buffer_bytes = 1 << 20, .buffer_count = 1}).value());
    return {.memory = pool->memory(), .name = "a test's", .owner = pool};
  }
  absl::StatusOr<ChosenComparer> Choose(DeviceKind kind) const {
    CommandLine line;
    line.device = kind;
    line.workgroups = 1;
    return ChooseComparer(
        line, [this](Device&) -> absl::StatusOr<DeviceMemory> { return memory; }, NoGpu);
  }

  DeviceMemory memory = SomeMemory();
};

TEST_F(Comparer, SeesWhetherBytesAreEqual) {
  absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kCpu);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  ASSERT_NE(chosen->comparer, nullptr);
  EXPECT_EQ(chosen->comparer->name(), "cpu");
  EXPECT_EQ(chosen->refusal, std::nullopt);
  std::vector<std::byte> expected(kWindowPlaceBytes);
  for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<std::byte>(i * 7 + i / 4096);
  std::copy(expected.begin(), expected.end(), memory.memory.begin() + 8192);
  EXPECT_TRUE(*chosen->comparer->Compare(8192, expected));
  EXPECT_FALSE(*chosen->comparer->Compare(4096, expected));
  memory.memory[8192 + kWindowPlaceBytes - 1] ^= std::byte{1};
  EXPECT_FALSE(*chosen->comparer->Compare(8192, expected)) << "the last byte counts";
  EXPECT_TRUE(*chosen->comparer->Compare(8192, absl::MakeSpan(expected).first(4096)));
}

TEST_F(Comparer, LooksWhereTheDeviceHasTheWindow) {
  const DeviceMemory other = SomeMemory();
  other.memory[7] = std::byte{9};
  memory.device_address = reinterpret_cast<uintptr_t>(other.memory.data());
  const absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kCpu);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  std::vector<std::byte> expected(4096);
  EXPECT_FALSE(*chosen->comparer->Compare(0, expected));
  expected[7] = std::byte{9};
  EXPECT_TRUE(*chosen->comparer->Compare(0, expected));
}

TEST_F(Comparer, IsNotThereForAWindowThatTheDeviceCannotReach) {
  CommandLine line;
  line.device = DeviceKind::kCpu;
  const WindowMapper map = [](Device&) -> absl::StatusOr<DeviceMemory> {
    return MakeError(absl::StatusCode::kUnimplemented, What("it imports nothing"), Fix("use another"));
  };
  EXPECT_EQ(ChooseComparer(line, map, NoGpu).status().code(), absl::StatusCode::kUnimplemented);
  line.device = DeviceKind::kAuto;
  const auto a_gpu = [](u32, const DeviceOptions& options) -> absl::StatusOr<std::unique_ptr<Device>> {
    CpuDeviceOptions cpu;
    static_cast<DeviceOptions&>(cpu) = options;
    cpu.workgroups = 1;
    return MakeCpuDevice<>(cpu);
  };
  const absl::StatusOr<ChosenComparer> chosen = ChooseComparer(line, map, a_gpu);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->comparer, nullptr);
  EXPECT_EQ(chosen->refusal->cause, "it imports nothing");
}

TEST_F(Comparer, SaysWhatTheDeviceRefuses) {
  const absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kCpu);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  const std::vector<std::byte> bytes(4096);
  EXPECT_FALSE(chosen->comparer->Compare(1 << 20, bytes).ok()) << "past the window's end";
  EXPECT_TRUE(chosen->comparer->Compare(0, bytes).ok());
}

TEST_F(Comparer, IsTheFirstGpuOrNobodyUnlessOneIsDemanded) {
  const absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kAuto);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->comparer, nullptr);
  ASSERT_TRUE(chosen->refusal.has_value());
  EXPECT_EQ(chosen->refusal->device, "hip:0");
  EXPECT_EQ(chosen->refusal->cause, "there is no GPU");
  EXPECT_THAT(RemedyOf(Choose(DeviceKind::kHip).status()), HasSubstr("put one in"));
}

}  // namespace
}  // namespace penstock::cli
