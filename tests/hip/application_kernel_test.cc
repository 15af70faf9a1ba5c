// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include "penstock/error.h"
#include "penstock/hip_device.h"

penstock::HipProgram ApplicationProgram();
absl::StatusOr<std::unique_ptr<penstock::Device>> MakeApplicationDevice();

namespace penstock {
namespace {

// The runtime library has registered the program's kernels by now: on a machine without a GPU, too.
TEST(ApplicationKernel, IsLinkedIntoAProgramThatTheHostsCompilerBuilt) {
  const HipProgram program = ApplicationProgram();
  EXPECT_NE(program.kernel, nullptr);
  EXPECT_EQ(program.argument_count(0x10000), 1u);
  EXPECT_EQ(program.argument_count(0x10001), layout::kUnknownOpcodeArguments);
}

TEST(ApplicationKernel, CannotRunWithoutAGpuWhichTheErrorSays) {
  const absl::StatusOr<std::vector<GpuFacts>> gpus = FindGpus();
  if (gpus.ok()) GTEST_SKIP() << "there is a GPU. Fix: run it on a machine without one.";
  const auto device = MakeApplicationDevice();
  EXPECT_EQ(device.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(device.status(), gpus.status());
  EXPECT_NE(RemedyOf(device.status()), "");
}

}  // namespace
}  // namespace penstock
