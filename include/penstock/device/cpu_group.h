// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The workgroup of the CPU device: a thread with one lane or, to run code that is written for many lanes without a GPU, a few
// threads that are its lanes. Included by group.h.
#pragma once

#include <time.h>

#include <cstring>
#include <memory>

#include "penstock/device/cpu_io_alarm.h"
#include "penstock/device/cpu_one_lane.h"
#include "penstock/device/vector.h"
#include "penstock/layout/target.h"

namespace penstock::device {

/// What a function of a handler is declared with: device code for a GPU's compiler, an inline function here.
#define PENSTOCK_DEVICE inline

/// What the lanes of one workgroup share on the CPU device.
class LaneTeam {
 public:
  virtual ~LaneTeam() = default;
  /// Returns when every lane of the team has called it.
  virtual void Barrier() = 0;
};

/// Tells the core that this is a spin loop.
inline void SpinPause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

/// One lane's view of its workgroup. Passed by reference; a lane has exactly one.
class Group {
 public:
  /// Of the group's clock.
  static constexpr u64 kTicksPerSecond = 1'000'000'000;

  /// Lane `lane` of workgroup `workgroup`; `team` is null if there is only one lane. Made by the device.
  Group(u32 workgroup, u32 lane, u32 lane_count, LaneTeam* team)
      : workgroup_(workgroup), lane_(lane), lane_count_(lane_count), team_(team) {}

  /// Number of this workgroup.
  u32 workgroup() const { return workgroup_; }
  /// Number of this lane within its workgroup.
  u32 lane() const { return lane_; }
  /// Lanes of a workgroup.
  u32 lane_count() const { return lane_count_; }
  /// The first lane, which acts for all.
  bool IsLeader() const { return lane_ == 0; }

  /// Lanes that run in step and can vote. A lane of this device runs alone.
  static constexpr u32 WaveLanes() { return 1; }
  /// Bit i: what lane i of this lane's wave said. Every lane of the wave must call it.
  static u64 Ballot(bool vote) { return vote ? 1 : 0; }

  /// Number of the lowest bit that is set. Requires: bits != 0.
  static u32 LowestBit(u64 bits) { return static_cast<u32>(__builtin_ctzll(bits)); }
  /// How many bits are set.
  static u32 CountBits(u64 bits) { return static_cast<u32>(__builtin_popcountll(bits)); }

  /// Wakes the I/O service if it sleeps. Called after a request has been published.
  static void RingIoAlarm(layout::IoAlarm* alarm) { device::RingIoAlarm(*alarm); }

  /// What is the same in every lane, told to the compiler, which then branches once for all.
  static u32 Uniform(u32 value) { return value; }

  /// Every lane of the workgroup must call it; what a lane wrote before is seen by every lane after.
  void Barrier() {
    if (team_ != nullptr) team_->Barrier();
  }

  /// Monotonic time in 1 / kTicksPerSecond.
  static u64 Ticks(clockid_t clock = CLOCK_MONOTONIC) {
    timespec now;
    clock_gettime(clock, &now);
    return static_cast<u64>(now.tv_sec) * kTicksPerSecond + static_cast<u64>(now.tv_nsec);
  }

  /// CoarseTicks may be milliseconds old, and is cheap.
  static u64 CoarseTicks() { return Ticks(CLOCK_MONOTONIC_COARSE); }

  /// A workgroup that found the doorbell unchanged lets others look: it may be asleep when it changes.
  static constexpr bool kStaysPoller = false;

  /// Called by the leader when it found nothing to do: spins for a few microseconds, then sleeps, longer each time. The first
  /// sleep is half of what the last idle time added up to, because gaps between slots tend to be alike: a stream with a slot
  /// every 700 us costs two wake-ups a slot, not four, and a burst is back at spinning after a few slots.
  /// With an alarm, the I/O service ends the sleep when it has brought something.
  void Idle(layout::IoAlarm* alarm = nullptr) {
    if (++spins_ <= kSpins) {
      SpinPause();
      return;
    }
    const timespec time = {0, static_cast<long>(sleep_ns_)};
    if (alarm != nullptr) {
      seen_rings_ = WaitForIo(*alarm, seen_rings_, time);
    } else {
      nanosleep(&time, nullptr);
    }
    slept_ns_ += sleep_ns_;
    sleep_ns_ = sleep_ns_ * 2 < kMaxSleepNs ? sleep_ns_ * 2 : kMaxSleepNs;
  }

  /// Called by the leader when it found work.
  void Worked() {
    const u64 half = slept_ns_ / 2 < kMaxSleepNs ? slept_ns_ / 2 : kMaxSleepNs;
    sleep_ns_ = half > kMinSleepNs ? half : kMinSleepNs;
    slept_ns_ = 0;
    spins_ = 0;
  }

 private:
  // 64 rounds are about 5 us. A wake-up costs 3 to 6 us of CPU time: at most 1,000 a second are 0.6 % of a core.
  static constexpr u32 kSpins = 64;
  static constexpr u64 kMinSleepNs = 50'000;
  static constexpr u64 kMaxSleepNs = 1'000'000;

  u32 workgroup_;
  u32 lane_;
  u32 lane_count_;
  LaneTeam* team_;
  u32 spins_ = 0;
  u64 sleep_ns_ = kMinSleepNs;
  u64 slept_ns_ = 0;
  u32 seen_rings_ = 0;
};

/// Reads and writes bytes of a registered buffer as an item of type T: u8, u32 or Vector. Requires: aligned to the item.
template <typename T>
T LoadBuffer(const u8* at) {
  T item;
  std::memcpy(&item, std::assume_aligned<alignof(T)>(at), sizeof(item));
  return item;
}
/// Stores an item into a buffer, at whatever address.
template <typename T>
void StoreBuffer(u8* at, const T& item) {
  std::memcpy(std::assume_aligned<alignof(T)>(at), &item, sizeof(item));
}

}  // namespace penstock::device
