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

constexpr char kAddress[] = "0000:c1:00.0";

host::FoundGpus TwoGpus() {
  return std::vector<GpuFacts>{{"one", "gfx942", 304, "0000:41:00.0"}, {"another", "gfx942", 304, kAddress}};
}

host::FoundGpus NoDriver() {
  return MakeError(absl::StatusCode::kFailedPrecondition, What("there is no driver"), Fix("install one"));
}

u32 asked_index;

/// Stands for any GPU.
absl::StatusOr<std::unique_ptr<Device>> AnyGpu(u32 index, const DeviceOptions& options) {
  asked_index = index;
  CpuDeviceOptions cpu;
  static_cast<DeviceOptions&>(cpu) = options;
  cpu.workgroups = 1;
  return MakeCpuDevice<>(cpu);
}

class Comparer : public testing::Test {
 protected:
  static DeviceMemory SomeMemory() {
    auto pool = std::make_shared<BufferPool>(BufferPool::Create({.buffer_bytes = 1 << 20, .buffer_count = 1}).value());
    return {.memory = pool->memory(), .name = "a test's", .owner = pool};
  }
  absl::StatusOr<ChosenComparer> Choose(DeviceKind kind, const std::string& pci_address = kAddress,
                                        const GpuSource& gpus = {TwoGpus, NoGpu}) const {
    CommandLine line;
    line.device = kind;
    line.workgroups = 1;
    return ChooseComparer(
        line, pci_address, [this](Device&) -> absl::StatusOr<DeviceMemory> { return memory; }, gpus);
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
  const GpuSource gpus = {TwoGpus, AnyGpu};
  EXPECT_EQ(ChooseComparer(line, kAddress, map, gpus).status().code(), absl::StatusCode::kUnimplemented);
  line.device = DeviceKind::kAuto;
  const absl::StatusOr<ChosenComparer> chosen = ChooseComparer(line, kAddress, map, gpus);
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

TEST_F(Comparer, IsTheGpuThatHasTheWindow) {
  const absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kAuto, kAddress, {TwoGpus, AnyGpu});
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_NE(chosen->comparer, nullptr);
  EXPECT_EQ(asked_index, 1u);
}

TEST_F(Comparer, IsNobodyWhereNoGpuHasTheWindow) {
  absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kAuto, "0000:05:00.0", {TwoGpus, AnyGpu});
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->comparer, nullptr);
  ASSERT_TRUE(chosen->refusal.has_value());
  EXPECT_THAT(chosen->refusal->cause, HasSubstr("memory of 0000:05:00.0, where none of the 2 GPUs"));
  EXPECT_THAT(chosen->refusal->remedy, HasSubstr("--device=hip:N"));
  chosen = Choose(DeviceKind::kAuto, kAddress, {NoDriver, AnyGpu});
  ASSERT_TRUE(chosen.ok() && chosen->refusal.has_value()) << chosen.status();
  EXPECT_EQ(chosen->refusal->cause, "there is no driver");
  EXPECT_NE(Choose(DeviceKind::kHip, "0000:05:00.0", {TwoGpus, AnyGpu})->comparer, nullptr) << "a demand is one";
}

TEST_F(Comparer, IsThatGpuOrNobodyUnlessOneIsDemanded) {
  const absl::StatusOr<ChosenComparer> chosen = Choose(DeviceKind::kAuto);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->comparer, nullptr);
  ASSERT_TRUE(chosen->refusal.has_value());
  EXPECT_EQ(chosen->refusal->device, "hip:1");
  EXPECT_EQ(chosen->refusal->cause, "there is no GPU");
  EXPECT_THAT(RemedyOf(Choose(DeviceKind::kHip).status()), HasSubstr("put one in"));
}

}  // namespace
}  // namespace penstock::cli
