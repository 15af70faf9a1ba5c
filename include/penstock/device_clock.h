// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a device's clock shows, as the time of the host's: learned from slots that went there and back.
//
// A slot was published before it was claimed, and had ended before it was reaped. So the device's clock is known to within what
// such a round trip takes beyond the slot's own time, half of it to either side. Two of them that lie far enough apart also tell
// by how much one clock runs faster.
#pragma once

#include <cstdint>

#include "penstock/device.h"
#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Threads: one at a time.
class DeviceClock {
 public:
  /// A slot that was waited for.
  struct RoundTrip {
    uint64_t published_ns = 0;  // the host's monotonic clock, just before
    uint64_t reaped_ns = 0;     // and just after
    layout::SlotTimes times;    // what the device noted
  };

  /// Knows of the clock what `clock` says: its rate, and whether it is the host's.
  explicit DeviceClock(const SlotClock& clock);

  /// False for a device whose clock is the host's: there is nothing to learn.
  bool must_learn() const { return !is_hosts_; }
  /// Takes what a round trip tells, unless what is known already is better: it ages with the drift of the clocks. Until their
  /// rates have been compared, for 0.1 s, that is taken to be 100 parts in a million.
  void Learn(const RoundTrip& trip);
  /// The host's time at `ticks`. Requires: that something was learned, unless there is nothing to learn.
  uint64_t HostNs(uint64_t ticks) const;
  /// The greatest error of HostNs at the moment of the last round trip that was taken.
  uint64_t uncertainty_ns() const { return static_cast<uint64_t>(last_.error_ns); }

 private:
  /// One moment, by both clocks.
  struct Anchor {
    double host_ns = 0;
    double device_ns = 0;
    double error_ns = 0;
  };

  void LearnRate(bool is_first);
  double DeviceNs(uint64_t ticks) const { return static_cast<double>(static_cast<int64_t>(ticks - base_ticks_)) * ns_per_tick_; }

  const bool is_hosts_;
  const double ns_per_tick_;
  uint64_t base_ns_ = 0;  // subtracted first: a double counts nanoseconds of a hundred days
  uint64_t base_ticks_ = 0;
  Anchor first_;
  Anchor last_;
  double rate_ = 1;  // nanoseconds of the host in one of the device
  double drift_;     // by which that may be wrong
};

}  // namespace penstock
