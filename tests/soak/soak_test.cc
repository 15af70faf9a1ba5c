// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device with many lanes beside itself with one: what the GPU's soak does, where there is no GPU.
#include <gtest/gtest.h>

#include "penstock/cpu_device.h"
#include "tests/soak/soak.h"

namespace penstock {
namespace {

std::unique_ptr<Device> CpuDevice(u32 workgroups, u32 lanes) {
  CpuDeviceOptions options;
  options.workgroups = workgroups;
  options.lanes = lanes;
  options.user_words = SoakSlots::kUserWords;
  return MakeCpuDevice<>(options).value();
}

TEST(Soak, FourLanesAgreeWithOne) {
  const u64 seed = std::random_device{}();
  const BufferPool source = MakeSoakSource(seed);
  SoakSide one(CpuDevice(1, 1), source, MakeSoakAutomaton());
  SoakSide four(CpuDevice(2, 4), source, MakeSoakAutomaton());
  const SoakResult result = RunSoak(one, four, seed, absl::Seconds(1));
  EXPECT_EQ(result.difference, "") << "seed " << seed << ", after " << result.slots << " slots";
  EXPECT_GT(result.faults, 0u);
  EXPECT_GT(result.slots, result.faults);
}

TEST(Soak, ADifferenceIsFound) {
  const u64 seed = 1;
  const BufferPool source = MakeSoakSource(seed);
  const BufferPool other_source = MakeSoakSource(seed + 1);
  SoakSide one(CpuDevice(1, 1), source, MakeSoakAutomaton());
  SoakSide other(CpuDevice(1, 1), other_source, MakeSoakAutomaton());
  EXPECT_NE(RunSoak(one, other, seed, absl::Seconds(10)).difference, "");
}

}  // namespace
}  // namespace penstock
