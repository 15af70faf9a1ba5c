// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The check of a window with its queues handed in, so that it can be seen to find what is wrong.
#pragma once

#include <vector>

#include "penstock/read_queue.h"
#include "penstock/window_check.h"

namespace penstock::driver {

struct WindowCheckParts {
  absl::Span<std::byte> window;
  ReadQueue* queue = nullptr;  // into the window
  ReadQueue* plain = nullptr;  // into plain_memory, by another way
  absl::Span<std::byte> plain_memory;
  const Volume* volume = nullptr;
  DeviceComparison compare = {};  // may be null
  absl::Duration read_timeout = absl::Seconds(10);
};

/// Requires: plain_memory holds a place. Errors: a plain read failed; InvalidArgument: the volume has not even a page.
absl::StatusOr<WindowCheck> CheckPlaces(const WindowCheckParts& parts, absl::Span<const WindowPlace> places);

/// A controller counts every command that it executes. Errors: DataLoss: it counted fewer than `commands`.
absl::Status CompareCounts(uint64_t commands, absl::Span<const ControllerCounts> controllers);

}  // namespace penstock::driver
