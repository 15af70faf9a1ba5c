// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <gtest/gtest.h>

#include "penstock/hip_device.h"

penstock::HipProgram ApplicationProgram();

namespace penstock {
namespace {

// The runtime library has registered the program's kernels by now: on a machine without a GPU, too.
TEST(ApplicationKernel, IsLinkedIntoAProgramThatTheHostsCompilerBuilt) {
  const HipProgram program = ApplicationProgram();
  EXPECT_NE(program.kernel, nullptr);
  EXPECT_EQ(program.argument_count(0x10000), 1u);
  EXPECT_EQ(program.argument_count(0x10001), layout::kUnknownOpcodeArguments);
}

}  // namespace
}  // namespace penstock
