// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/slot_timer.h"

#include <algorithm>

#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

constexpr uint64_t kIntervalNs = 5'000'000;  // clocks that differ by 100 parts in a million part by 500 ns in it
constexpr uint64_t kPatienceNs = 50'000;     // a device that is busy for longer tells nothing about its clock
constexpr uint64_t kBeginPatienceNs = 5'000'000'000;
constexpr int kFirstTrips = 32;

}  // namespace

absl::Status SlotTimer::Begin() {
  if (!clock_.must_learn()) return absl::OkStatus();
  for (int trip = 0; trip < kFirstTrips; ++trip) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool ended, Ask(kBeginPatienceNs));
    if (ended) continue;
    return MakeError(absl::StatusCode::kDeadlineExceeded, What("the device has not ended an empty slot within 5 s of its start"),
                     Fix("look in the kernel log (dmesg) for the GPU, and try `penstock ingest` on it"));
  }
  next_ns_ = MonotonicNs() + kIntervalNs;
  return absl::OkStatus();
}

absl::Status SlotTimer::Keep(uint64_t now_ns) {
  if (!clock_.must_learn() || now_ns < next_ns_) return absl::OkStatus();
  Completion completion;
  if (late_.has_value() && device_.ring().TryReap(*late_, completion)) late_.reset();
  if (!late_.has_value()) PENSTOCK_RETURN_IF_ERROR(Ask(kPatienceNs).status());
  next_ns_ = MonotonicNs() + kIntervalNs;
  return absl::OkStatus();
}

absl::StatusOr<bool> SlotTimer::Ask(uint64_t limit_ns) {
  LiveRing& ring = device_.ring();
  Completion completion;
  const uint64_t published_ns = MonotonicNs();
  PENSTOCK_ASSIGN_OR_RETURN(const Ticket ticket, ring.Publish({.opcode = layout::kNop, .priority = layout::Priority::kCritical}));
  uint64_t now_ns = published_ns;
  while (now_ns - published_ns < limit_ns) {
    const bool ended = ring.TryReap(ticket, completion);
    now_ns = MonotonicNs();
    if (!ended) continue;
    clock_.Learn({published_ns, now_ns, completion.times});
    return true;
  }
  late_ = ticket;
  return false;
}

void SlotTimer::Note(const layout::SlotTimes& times, Moments& moments) const {
  moments.claimed_ns = std::clamp(clock_.HostNs(times.claimed_ticks), moments.published_ns, moments.ended_ns);
  moments.done_ns = std::clamp(clock_.HostNs(times.ended_ticks), moments.claimed_ns, moments.ended_ns);
}

}  // namespace penstock::bench
