// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Packed slots for tests, from lists of inner ops.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "penstock/packed.h"
#include "tests/hip/device_session.h"

namespace penstock {

struct Op {
  u32 opcode;
  std::vector<u32> arguments;
};

inline Work PackedWork(const std::vector<Op>& ops) {
  std::vector<layout::PackedInput> inputs;
  for (const Op& op : ops) inputs.push_back({op.opcode, op.arguments.data(), static_cast<u32>(op.arguments.size())});
  const auto arguments = EncodePacked(inputs);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  Work work = MakeWork(layout::kPackedSlot);
  work.argument = arguments.value_or(SlotArguments{});
  return work;
}

}  // namespace penstock
