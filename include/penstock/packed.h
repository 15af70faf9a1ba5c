// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builds the payload of a PACKED_SLOT on the host. layout/packed_slot.h describes it.
#pragma once

#include <array>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/packed_slot.h"

namespace PENSTOCK_API penstock {

/// The twelve argument words of a slot.
using SlotArguments = std::array<u32, layout::kArgumentCount>;

/// Packs `ops` in order, each with its own arguments.
/// Errors: InvalidArgument if there is no op, one may not be packed, or they do not fit. Threads: any.
absl::StatusOr<SlotArguments> EncodePacked(absl::Span<const layout::PackedInput> ops);

}  // namespace penstock
