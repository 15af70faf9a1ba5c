// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One live I/O queue as the thread that serves it has it: requests in, in the order of their tickets; ends out, in any order.
#pragma once

#include <array>
#include <optional>

#include "penstock/layout/live_io.h"
#include "runtime/io_fences.h"

namespace penstock {

/// The ticket that a service which begins to serve the queue takes first: the one after the last that was ever served.
/// Never before served: the first one. Modulo 2^26.
u32 FindNextIoTicket(const layout::LiveIoQueue& queue);

/// Threads: one at a time, the only one that writes to the queue's bell.
class IoIntake {
 public:
  struct Taken {
    u32 slot = 0;
    layout::IoRequest request = {};  // the one copy: the device may rewrite its own
  };

  IoIntake(layout::LiveIoQueue& queue, u64& bell);

  /// A request is there. One load, of a line that changes only then.
  bool HasNext() const;

  /// Claims the next request; nothing if there is none. Passes over cells that name a slot which cannot be taken.
  std::optional<Taken> TakeNext();

  /// Requests that are claimed and whose end is not published.
  u64 in_flight() const { return in_flight_; }
  u64 protocol_errors() const { return protocol_errors_; }

  /// Notes the end of a request; it is published by PublishEnds. Requires: in flight.
  void End(u32 slot, layout::IoEnd end);
  /// The request ends when all that are in flight now have. Requires: in flight.
  void EndAfterOthers(u32 slot);

  /// Whatever is in flight ends so, without waiting for it.
  void EndAll(layout::IoEnd end);

  bool HasEnds() const { return ended_ != 0; }
  /// Slots whose ends were noted and are not published yet; fences that these will end are not among them.
  u64 noted() const { return ended_; }
  /// Writes the ends and then rings the bell, once for all. Returns their slots.
  u64 PublishEnds();
  /// How the slot's request ended.
  const layout::IoEnd& end(u32 slot) const { return ends_[slot]; }

 private:
  layout::LiveIoQueue& queue_;
  u64& bell_;
  u64 bell_value_;  // what bell_ holds
  u32 next_ticket_;
  u64 in_flight_ = 0;
  u64 ended_ = 0;  // in flight, and their ends noted
  IoFences fences_;
  std::array<layout::IoEnd, layout::kMaxIoSlots> ends_ = {};
  u64 protocol_errors_ = 0;
};

}  // namespace penstock
