// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The live I/O queues of a device, as who serves them sees them.
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/live_io.h"

namespace PENSTOCK_API penstock {

/// Memory that the device shares with the host: borrowed, and alive as long as the device is. Empty if the device has no queues.
struct LiveIoQueues {
  absl::Span<layout::LiveIoQueue> queues;  // in host memory that the device reaches
  absl::Span<u64> bells;                   // layout::IoBellCount(queues.size()) of them
  layout::IoAlarm* alarm = nullptr;        // null: the device cannot ring

  /// The device was made without I/O queues.
  bool empty() const { return queues.empty(); }
};

}  // namespace penstock
