// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a GPU is made current, and for how long. No GPU is needed: the program's own functions stand before the library's of the
// same names.
#include "hip/gpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "penstock/error.h"

namespace penstock::hip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// What there is beside the code under test.
struct World {
  int current_gpu = 0;
  std::vector<int> made_current;
  hipError_t error = hipSuccess;  // of making one current
  int resets = 0;
} world;

class CurrentGpuTest : public testing::Test {
 protected:
  void SetUp() override { world = {}; }
};

TEST_F(CurrentGpuTest, IsTheOneThatWasAfterwards) {
  {
    const CurrentGpu current(2);
    EXPECT_TRUE(current.status().ok());
    EXPECT_EQ(world.current_gpu, 2);
  }
  EXPECT_EQ(world.current_gpu, 0);
}

/// A call more may make a context on it.
TEST_F(CurrentGpuTest, IsNotMadeCurrentAgainIfItWas) {
  world.current_gpu = 2;
  { const CurrentGpu current(2); }
  EXPECT_THAT(world.made_current, ElementsAre(2));
}

TEST_F(CurrentGpuTest, SaysWhyItCannotBeUsed) {
  world.error = hipErrorOutOfMemory;
  const CurrentGpu current(2);
  EXPECT_EQ(current.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(CauseOf(current.status()), HasSubstr("GPU 2 cannot be used: hipErrorOutOfMemory"));
}

TEST(UntilReset, IsOverOnceThatGpuWasReset) {
  const UntilReset before(1);
  const UntilReset of_another(0);
  world = {};
  Reset(1);
  EXPECT_EQ(world.resets, 1);
  EXPECT_TRUE(before.is_over());
  EXPECT_FALSE(of_another.is_over());
  EXPECT_FALSE(UntilReset(1).is_over());
}

/// Where the library does not say it: of no GPU it does.
TEST(TicksPerSecond, AreThoseOfTheArchitecturesReferenceClock) {
  EXPECT_EQ(TicksPerSecond(-1, "gfx906:sramecc+:xnack-"), 25'000'000u);
  EXPECT_EQ(TicksPerSecond(-1, "gfx90a"), 25'000'000u);
  EXPECT_EQ(TicksPerSecond(-1, "gfx942"), 100'000'000u);
  EXPECT_EQ(TicksPerSecond(-1, "gfx1100"), 100'000'000u);
}

}  // namespace
}  // namespace penstock::hip

using penstock::hip::world;

extern "C" {

hipError_t hipGetDevice(int* index) {
  *index = world.current_gpu;
  return hipSuccess;
}

hipError_t hipSetDevice(int index) {
  world.made_current.push_back(index);
  if (world.error == hipSuccess) world.current_gpu = index;
  return world.error;
}

hipError_t hipDeviceReset() {
  ++world.resets;
  return hipSuccess;
}

hipError_t hipGetLastError() { return hipSuccess; }

}  // extern "C"
