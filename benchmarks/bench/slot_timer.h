// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When a device took up a slot and ended it, as moments of the host's clock.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "benchmarks/bench/stages.h"
#include "penstock/device.h"
#include "penstock/device_clock.h"

namespace penstock::bench {

/// Keeps the device's clock and the host's together: with an empty slot of its own, ahead of all others, every few milliseconds.
/// A device whose clock is the host's gets none. Threads: the one that uses the device's ring.
class SlotTimer {
 public:
  /// Borrows the device. Requires: started, with DeviceOptions::slot_times.
  explicit SlotTimer(Device& device) : device_(device), clock_(device.slot_clock()) {}

  /// The first round trips. Errors: DeadlineExceeded: the device does not answer.
  absl::Status Begin();
  /// One more, if it is time; waits at most 50 us for it. Errors: those of the ring.
  absl::Status Keep(uint64_t now_ns);
  /// Fills in claimed_ns and done_ns. What the clocks disagree about is not let out of published_ns to ended_ns.
  void Note(const layout::SlotTimes& times, Moments& moments) const;

 private:
  /// False if it has not ended within the time.
  absl::StatusOr<bool> Ask(uint64_t limit_ns);

  Device& device_;
  DeviceClock clock_;
  std::optional<Ticket> late_;  // of a round trip that was given up: it still has its slot
  uint64_t next_ns_ = 0;
};

}  // namespace penstock::bench
