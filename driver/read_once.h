// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One chunk read from its start to its end.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/read_queue.h"
#include "penstock/reader.h"

namespace penstock::driver {

/// Attaches the volume for as long as it takes. Requires: nothing else in flight on the queue. Errors: those of Reader, and
/// DeadlineExceeded when not even cancelling the read helped: its memory must not be used again.
absl::StatusOr<ChunkResult> ReadOnce(ReadQueue& queue, const ChunkRead& read, absl::Duration timeout);

/// Waits until what the CPU has written to `memory` is in the device that has it. Writes to a BAR are collected and sent on
/// without an answer, so that one of them could come later than what a controller writes to the same place; a read is answered
/// after them.
void PushWrites(absl::Span<const std::byte> memory);

}  // namespace penstock::driver
