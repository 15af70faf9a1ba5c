// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any twelve words as the payload of a PACKED_SLOT: what is accepted names no word outside of it, and what the encoder makes of
// the same ops is accepted and says the same.
#include <algorithm>
#include <array>
#include <vector>

#include "penstock/check.h"
#include "penstock/layout/packed_slot.h"
#include "penstock/packed.h"
#include "tests/fuzz/input.h"

namespace penstock {
namespace {

using layout::PackedError;
using layout::PackedOp;
using layout::PackedSlot;

/// As the kernel's: built-ins are known, and of an application's opcodes every second one is.
u32 ArgumentCount(u32 opcode) {
  if (layout::IsBuiltinOpcode(opcode)) return layout::BuiltinArgumentCount(opcode);
  return opcode % 2 == 0 ? opcode % 6 : layout::kUnknownOpcodeArguments;
}

void CheckEncodesAgain(const std::vector<u32>& payload, const std::vector<layout::PackedInput>& ops) {
  const absl::StatusOr<SlotArguments> encoded = EncodePacked(ops);
  if (!encoded.ok()) return;  // ops that share arguments need more room when each has its own
  PENSTOCK_CHECK(PackedSlot::Validate(encoded->data(), ArgumentCount) == PackedError::kNone);
  PENSTOCK_CHECK(PackedSlot::OpCount(encoded->data()) == PackedSlot::OpCount(payload.data()));
  for (u32 i = 0; i < ops.size(); ++i) {
    const PackedOp op = PackedSlot::Op(encoded->data(), i);
    PENSTOCK_CHECK(op.opcode == ops[i].opcode && op.argument_count >= ops[i].argument_count);
    const u32* const argument = encoded->data() + op.first_word;
    PENSTOCK_CHECK(std::equal(argument, argument + ops[i].argument_count, ops[i].argument));
  }
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  const std::vector<u32> payload = input.TakeMany<u32>(layout::kArgumentCount);
  const PackedError error = PackedSlot::Validate(payload.data(), ArgumentCount);
  PENSTOCK_CHECK(layout::PackedErrorText(error) != std::string_view("unknown error"));
  if (error != PackedError::kNone) return 0;
  std::vector<layout::PackedInput> ops;
  for (u32 i = 0; i < PackedSlot::OpCount(payload.data()); ++i) {
    const PackedOp op = PackedSlot::Op(payload.data(), i);
    const u32 needed = ArgumentCount(op.opcode);
    PENSTOCK_CHECK(layout::IsPackable(op.opcode) && needed <= op.argument_count);
    PENSTOCK_CHECK(op.first_word + op.argument_count <= layout::kArgumentCount);
    ops.push_back({op.opcode, payload.data() + op.first_word, needed});
  }
  CheckEncodesAgain(payload, ops);
  return 0;
}
