// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The GPU beside the CPU device, for as many seconds as PENSTOCK_SOAK_SECONDS says (default: 10).
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "penstock/cpu_device.h"
#include "penstock/hip_device.h"
#include "tests/soak/soak.h"

namespace penstock {
namespace {

absl::Duration SoakDuration() {
  const char* seconds = std::getenv("PENSTOCK_SOAK_SECONDS");
  return absl::Seconds(seconds == nullptr ? 10 : std::atoi(seconds));
}

TEST(GpuSoak, AgreesWithTheCpuDevice) {
  if (const auto gpus = FindGpus(); !gpus.ok()) GTEST_SKIP() << gpus.status().message();
  CpuDeviceOptions cpu;
  cpu.workgroups = 4;
  cpu.user_words = SoakSlots::kUserWords;
  HipDeviceOptions hip;
  hip.user_words = SoakSlots::kUserWords;
  absl::StatusOr<std::unique_ptr<Device>> gpu_device = MakeHipDevice(hip);
  ASSERT_TRUE(gpu_device.ok()) << gpu_device.status();
  const u64 seed = std::random_device{}();
  const BufferPool source = MakeSoakSource(seed);
  SoakSide on_cpu(MakeCpuDevice<>(cpu).value(), source, MakeSoakAutomaton());
  SoakSide on_gpu(*std::move(gpu_device), source, MakeSoakAutomaton());
  const SoakResult result = RunSoak(on_gpu, on_cpu, seed, SoakDuration());
  EXPECT_EQ(result.difference, "") << "seed " << seed << ", after " << result.slots << " slots";
  EXPECT_GT(result.faults, 0u);
  RecordProperty("slots", std::to_string(result.slots));
  std::cout << result.slots << " slots, of them " << result.faults << " faults as they must be; seed " << seed << "\n";
}

}  // namespace
}  // namespace penstock
