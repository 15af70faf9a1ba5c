// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/packed.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {

absl::StatusOr<SlotArguments> EncodePacked(absl::Span<const layout::PackedInput> ops) {
  SlotArguments payload;
  // Clamped, so that a count beyond 32 bits is refused and not truncated.
  const u32 op_count = static_cast<u32>(std::min<size_t>(ops.size(), layout::PackedSlot::kMaxOps + 1));
  const auto error = layout::PackedSlot::Encode(ops.data(), op_count, payload.data());
  if (error == layout::PackedError::kNone) return payload;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat("packed slot of ", ops.size(), " ops: ", layout::PackedErrorText(error))),
                   Fix("pack fewer ops, each of a packable opcode, so that pairs and arguments fit 48 bytes"));
}

}  // namespace penstock
