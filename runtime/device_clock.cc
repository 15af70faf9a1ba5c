// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device_clock.h"

#include <algorithm>
#include <cmath>

namespace penstock {
namespace {

constexpr double kLeastNs = 100;          // below it round trips are alike: clocks have steps
constexpr double kBaselineNs = 100e6;     // from which on two moments tell the rate
constexpr double kUnknownDrift = 100e-6;  // of clocks whose rate was not yet compared
constexpr double kKnownDrift = 1e-6;      // by which a rate that was learned changes while nothing is

/// Below zero for a moment before the base: slots are not reaped in the order in which they were published.
double SinceBase(uint64_t ns, uint64_t base_ns) { return static_cast<double>(static_cast<int64_t>(ns - base_ns)); }

}  // namespace

DeviceClock::DeviceClock(const SlotClock& clock)
    : is_hosts_(clock.is_hosts), ns_per_tick_(1e9 / static_cast<double>(clock.ticks_per_second)), drift_(kUnknownDrift) {}

void DeviceClock::Learn(const RoundTrip& trip) {
  const bool is_first = base_ticks_ == 0;
  if (is_first) {
    base_ns_ = trip.published_ns;
    base_ticks_ = trip.times.claimed_ticks;
  }
  const double published_ns = SinceBase(trip.published_ns, base_ns_);
  const double reaped_ns = SinceBase(trip.reaped_ns, base_ns_);
  const double claimed_ns = DeviceNs(trip.times.claimed_ticks);
  const double ended_ns = DeviceNs(trip.times.ended_ticks);
  const Anchor now = {.host_ns = (published_ns + reaped_ns) / 2,
                      .device_ns = (claimed_ns + ended_ns) / 2,
                      .error_ns = std::max(kLeastNs, (reaped_ns - published_ns - (ended_ns - claimed_ns)) / 2)};
  const double age_ns = std::max(0.0, now.device_ns - last_.device_ns);
  if (!is_first && now.error_ns > last_.error_ns + age_ns * drift_) return;
  last_ = now;
  LearnRate(is_first);
}

void DeviceClock::LearnRate(bool is_first) {
  const double baseline_ns = last_.device_ns - first_.device_ns;
  if (is_first || (baseline_ns < kBaselineNs && last_.error_ns < first_.error_ns)) {
    first_ = last_;
  } else if (baseline_ns >= kBaselineNs) {
    rate_ = (last_.host_ns - first_.host_ns) / baseline_ns;
    drift_ = (first_.error_ns + last_.error_ns) / baseline_ns + kKnownDrift;
  }
}

uint64_t DeviceClock::HostNs(uint64_t ticks) const {
  if (is_hosts_) return ticks;
  return base_ns_ + static_cast<uint64_t>(std::llround(last_.host_ns + (DeviceNs(ticks) - last_.device_ns) * rate_));
}

}  // namespace penstock
