// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/device_choice.h"

#include <gtest/gtest.h>

#include "penstock/cpu_device.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

/// What the maker of GPU devices was asked for last.
u32 asked_index;
DeviceOptions asked_options;

/// Stands for a GPU with 3 compute units, wherever this runs.
absl::StatusOr<std::unique_ptr<Device>> MakeThreeWorkgroups(u32 index, const DeviceOptions& options) {
  asked_index = index;
  asked_options = options;
  CpuDeviceOptions cpu_options;
  cpu_options.workgroups = 3;
  return MakeCpuDevice<>(cpu_options);
}

absl::StatusOr<std::unique_ptr<Device>> Refuse(u32 index, const DeviceOptions&) {
  asked_index = index;
  return MakeError(absl::StatusCode::kFailedPrecondition, What("no GPU can be used"), Fix("install its driver"));
}

CommandLine Asking(DeviceKind device) {
  CommandLine line;
  line.device = device;
  line.depth = 5;
  return line;
}

TEST(DeviceChoice, AutoTakesTheFirstGpuThatCanBeUsed) {
  const auto chosen = ChooseDevice(Asking(DeviceKind::kAuto), MakeThreeWorkgroups);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->device->workgroups(), 3u);
  EXPECT_FALSE(chosen->refusal.has_value());
  EXPECT_EQ(asked_index, 0u);
  EXPECT_EQ(asked_options.workgroups, 0u) << "as many as the GPU takes of itself";
  EXPECT_EQ(asked_options.ring.slot_counts[static_cast<u32>(layout::Priority::kNormal)], 16u) << "twice the depth has room";
}

TEST(DeviceChoice, AutoTakesTheCpuWhereNoGpuCanBeUsedAndSaysWhy) {
  const auto chosen = ChooseDevice(Asking(DeviceKind::kAuto), Refuse);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->device->name(), "cpu");
  EXPECT_GE(chosen->device->workgroups(), 1u);
  ASSERT_TRUE(chosen->refusal.has_value());
  EXPECT_EQ(chosen->refusal->device, "hip:0");
  EXPECT_EQ(chosen->refusal->cause, "no GPU can be used");
  EXPECT_EQ(chosen->refusal->remedy, "install its driver");
}

TEST(DeviceChoice, LetsAKernelThatPullsWaitLongerThanTheHostDoes) {
  CommandLine line = Asking(DeviceKind::kAuto);
  line.read_timeout_seconds = 100;
  ASSERT_TRUE(ChooseDevice(line, MakeThreeWorkgroups).ok());
  EXPECT_EQ(asked_options.slot_limit, DeviceOptions{}.slot_limit) << "nothing waits for a read";
  line.pull = true;
  ASSERT_TRUE(ChooseDevice(line, MakeThreeWorkgroups).ok());
  EXPECT_GT(asked_options.slot_limit, absl::Seconds(200));
}

TEST(DeviceChoice, ADemandNeverStepsDown) {
  CommandLine line = Asking(DeviceKind::kHip);
  line.gpu_index = 2;
  const auto chosen = ChooseDevice(line, Refuse);
  EXPECT_EQ(chosen.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RemedyOf(chosen.status()), "install its driver");
  EXPECT_EQ(asked_index, 2u);
}

TEST(DeviceChoice, TheCpuIsTakenWithoutALookAtGpus) {
  CommandLine line = Asking(DeviceKind::kCpu);
  line.workgroups = 2;
  asked_index = 99;
  const auto chosen = ChooseDevice(line, MakeThreeWorkgroups);
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->device->workgroups(), 2u);
  EXPECT_FALSE(chosen->refusal.has_value());
  EXPECT_EQ(asked_index, 99u);
}

}  // namespace
}  // namespace penstock::cli
