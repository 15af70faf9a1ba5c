// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/device_clock.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace penstock {
namespace {

constexpr uint64_t kTicksPerSecond = 100'000'000;
constexpr uint64_t kBegin = 5'000'000'000'000;  // of the host's clock, at first
constexpr uint64_t kSlotNs = 700;               // that the empty slot takes itself

/// A device whose clock stands elsewhere and runs at a rate of its own.
class FakeDevice {
 public:
  explicit FakeDevice(double drift) : rate_(1 + drift) {}

  uint64_t TicksAt(uint64_t host_ns) const {
    const double elapsed_ns = static_cast<double>(static_cast<int64_t>(host_ns - kBegin));
    return 77'000'000'000 + static_cast<uint64_t>(std::llround(elapsed_ns * rate_ * (kTicksPerSecond / 1e9)));
  }

  /// There in `out_ns`, and back in `back_ns`.
  DeviceClock::RoundTrip Trip(uint64_t at_ns, uint64_t out_ns, uint64_t back_ns) const {
    const uint64_t claimed_ns = at_ns + out_ns;
    return {at_ns, claimed_ns + kSlotNs + back_ns, {TicksAt(claimed_ns), TicksAt(claimed_ns + kSlotNs)}};
  }

 private:
  const double rate_;
};

double ErrorNs(const DeviceClock& clock, const FakeDevice& device, uint64_t host_ns) {
  return std::abs(static_cast<double>(static_cast<int64_t>(clock.HostNs(device.TicksAt(host_ns)) - host_ns)));
}

TEST(DeviceClock, IsTheHostsWhereTheDeviceSaysSo) {
  const DeviceClock clock({.ticks_per_second = 1'000'000'000, .is_hosts = true});
  EXPECT_FALSE(clock.must_learn());
  EXPECT_EQ(clock.HostNs(123'456'789'012'345), 123'456'789'012'345u);
}

TEST(DeviceClock, KnowsAMomentToWithinHalfOfARoundTrip) {
  const FakeDevice device(0);
  DeviceClock clock({kTicksPerSecond});
  EXPECT_TRUE(clock.must_learn());
  clock.Learn(device.Trip(kBegin, 400, 1600));
  EXPECT_NEAR(static_cast<double>(clock.uncertainty_ns()), 1000, 10);
  EXPECT_NEAR(ErrorNs(clock, device, kBegin + 1'000'000), 600, 20) << "half of what the ways differ by";
  EXPECT_NEAR(ErrorNs(clock, device, kBegin - 1'000'000), 600, 20) << "also before";
}

TEST(DeviceClock, IgnoresRoundTripsThatWereKeptWaiting) {
  const FakeDevice device(0);
  DeviceClock clock({kTicksPerSecond});
  clock.Learn(device.Trip(kBegin, 500, 500));
  for (uint64_t trip = 1; trip < 20; ++trip) clock.Learn(device.Trip(kBegin + trip * 5'000'000, 500, 90'000));
  EXPECT_LT(ErrorNs(clock, device, kBegin + 100'000'000), 50);
}

TEST(DeviceClock, LearnsFromASlotThatWasPublishedBeforeTheFirstOne) {
  const FakeDevice device(0);
  for (const uint64_t earlier_ns : {900u, 40'000u, 10'000'000u}) {
    DeviceClock clock({kTicksPerSecond});
    clock.Learn(device.Trip(kBegin, 90'000, 500));
    clock.Learn(device.Trip(kBegin - earlier_ns, 500, 500));
    EXPECT_LT(ErrorNs(clock, device, kBegin + 1'000'000), 50) << earlier_ns;
    EXPECT_NEAR(static_cast<double>(clock.uncertainty_ns()), 500, 10) << earlier_ns;
    clock.Learn(device.Trip(kBegin - 2 * earlier_ns, 90'000, 500));
    EXPECT_LT(ErrorNs(clock, device, kBegin + 1'000'000), 50) << "it tells less";
    clock.Learn(device.Trip(kBegin - 3 * earlier_ns, 400, 400));
    EXPECT_NEAR(static_cast<double>(clock.uncertainty_ns()), 400, 10) << "it tells more, however long ago it was";
  }
}

TEST(DeviceClock, FollowsAClockThatDrifts) {
  for (const double drift : {-100e-6, -3e-6, 50e-6, 100e-6}) {
    const FakeDevice device(drift);
    DeviceClock clock({kTicksPerSecond});
    std::mt19937_64 random(1);
    std::uniform_int_distribution<uint64_t> way_ns(400, 1200);
    uint64_t now_ns = kBegin;
    for (int trip = 0; trip < 32; ++trip) clock.Learn(device.Trip(now_ns += 3000, way_ns(random), way_ns(random)));
    double worst_ns = 0;
    for (int trip = 0; trip < 12'000; ++trip) {  // a minute
      now_ns += 5'000'000;
      worst_ns = std::max(worst_ns, ErrorNs(clock, device, now_ns));
      clock.Learn(device.Trip(now_ns, way_ns(random), way_ns(random)));
    }
    EXPECT_LT(worst_ns, 1500) << drift;
    EXPECT_LT(ErrorNs(clock, device, now_ns + 1'000'000'000), 2500) << drift << ", a second without a round trip";
  }
}

TEST(DeviceClock, GetsUsedToLongerRoundTrips) {
  const FakeDevice device(100e-6);
  DeviceClock clock({kTicksPerSecond});
  clock.Learn(device.Trip(kBegin, 200, 200));
  uint64_t now_ns = kBegin;
  for (int trip = 0; trip < 12'000; ++trip) {
    now_ns += 5'000'000;
    ASSERT_LT(ErrorNs(clock, device, now_ns), 3500) << "drift until they tell more than what is known";
    clock.Learn(device.Trip(now_ns, 3000, 3000));
  }
  EXPECT_NEAR(static_cast<double>(clock.uncertainty_ns()), 3000, 20);
  EXPECT_LT(ErrorNs(clock, device, now_ns), 100);
}

}  // namespace
}  // namespace penstock
