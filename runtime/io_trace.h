// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When requests were where, for who asked the service to note it.
#pragma once

#include "absl/types/span.h"
#include "penstock/clock.h"
#include "penstock/io_service.h"
#include "penstock/layout/atomic.h"

namespace penstock {

/// Off, it reads no clock and writes nothing: a branch. Threads: any, since two requests of different threads may have one tag.
template <uint64_t (*Clock)() = MonotonicNs>
class IoTrace {
 public:
  /// Borrows `times`; empty: off.
  explicit IoTrace(absl::Span<IoRequestTimes> times) : times_(times) {}

  bool on() const { return !times_.empty(); }

  /// The time now; while it is off, that of the last look.
  uint64_t Now(uint64_t last_look_ns) const { return on() ? Clock() : last_look_ns; }

  /// The tag is the device's: one that is past the end is nobody's.
  void Note(u32 tag, const IoRequestTimes& times) const {
    if (tag >= times_.size()) return;
    // Relaxed: who has seen the request's end has acquired what was stored before it.
    layout::StoreRelaxed<layout::Scope::kSystem>(&times_[tag].taken_ns, times.taken_ns);
    layout::StoreRelaxed<layout::Scope::kSystem>(&times_[tag].started_ns, times.started_ns);
    layout::StoreRelaxed<layout::Scope::kSystem>(&times_[tag].reaped_ns, times.reaped_ns);
    layout::StoreRelaxed<layout::Scope::kSystem>(&times_[tag].told_ns, times.told_ns);
  }

 private:
  const absl::Span<IoRequestTimes> times_;
};

}  // namespace penstock
