// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Building the automaton that MATCH and DFA_STEP run: literal patterns in, table (layout/automaton.h) out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/automaton.h"

namespace PENSTOCK_API penstock {

/// A table that counts what `grep -o -F` with the same patterns would print: leftmost first, longest at each place, no overlap.
/// Patterns are bytes, compared as they are. Memory: 1 KiB a distinct prefix.
/// Errors: InvalidArgument for no pattern, an empty one, one longer than layout::kMaxPatternBytes, or too many states.
/// Threads: any.
absl::StatusOr<std::vector<u32>> BuildAutomaton(absl::Span<const std::string> patterns);

/// Whether every word of a table is in order, so that no input can lead out of it. Errors: InvalidArgument.
absl::Status CheckAutomaton(absl::Span<const u32> table);

}  // namespace penstock
