// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The workgroup of the CPU device: a thread with one lane or, to run code that is written for many lanes without a GPU, a few
// threads that are its lanes. Included by group.h.
#pragma once

#include <time.h>

#include "penstock/layout/target.h"

namespace penstock::device {

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
  static constexpr u64 kTicksPerSecond = 1'000'000'000;

  Group(u32 workgroup, u32 lane, u32 lane_count, LaneTeam* team)
      : workgroup_(workgroup), lane_(lane), lane_count_(lane_count), team_(team) {}

  u32 workgroup() const { return workgroup_; }
  u32 lane() const { return lane_; }
  u32 lane_count() const { return lane_count_; }
  bool IsLeader() const { return lane_ == 0; }

  /// Lanes that run in step and can vote. A lane of this device runs alone.
  static constexpr u32 WaveLanes() { return 1; }
  /// Bit i: what lane i of this lane's wave said. Every lane of the wave must call it.
  static u64 Ballot(bool vote) { return vote ? 1 : 0; }

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
  void Idle() {
    if (++spins_ <= kSpins) {
      SpinPause();
      return;
    }
    const timespec time = {0, static_cast<long>(sleep_ns_)};
    nanosleep(&time, nullptr);
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
};

/// One lane's own: the C library's.
inline void MoveBytes(u8* to, const u8* from, u32 length) { __builtin_memmove(to, from, length); }
inline bool EqualBytes(const u8* a, const u8* b, u32 length) { return __builtin_memcmp(a, b, length) == 0; }

/// CRC-32C of `length` bytes that follow bytes with CRC `crc` (0 at the start). The CPU's own instructions, through ISA-L.
u32 ExtendCrc32c(u32 crc, const u8* bytes, u64 length);

}  // namespace penstock::device
