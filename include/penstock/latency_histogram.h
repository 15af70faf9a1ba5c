// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A log-linear histogram of durations: fixed memory, one increment a sample, percentiles within 0.8 %.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Any 64-bit count of nanoseconds. Each power of two is cut into 128 equal parts. Threads: one at a time.
class LatencyHistogram {
 public:
  /// Counts a value, in nanoseconds. Never allocates.
  void Record(uint64_t ns) {
    ++counts_[Bucket(ns)];
    ++count_;
    sum_ns_ += ns;
    if (ns > max_ns_) max_ns_ = ns;
    if (ns < min_ns_) min_ns_ = ns;
  }

  /// As if the other's samples had been recorded here.
  void Add(const LatencyHistogram& other);

  /// How many values there are.
  uint64_t count() const { return count_; }
  /// The largest value, exact; 0 if there is none.
  uint64_t max_ns() const { return max_ns_; }
  /// The smallest value, exact; 0 if there is none.
  uint64_t min_ns() const { return count_ == 0 ? 0 : min_ns_; }
  /// The mean, exact but for rounding; 0 if there is none.
  double mean_ns() const { return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_); }
  /// The smallest recorded value, within 0.8 % above, that at least `fraction` of the samples do not exceed; 0 without samples.
  /// Requires: 0 <= fraction <= 1.
  uint64_t Percentile(double fraction) const;

 private:
  static constexpr uint32_t kPartBits = 7;
  static constexpr uint32_t kParts = 1u << kPartBits;
  static constexpr uint32_t kBuckets = kParts * (65 - kPartBits);  // Values below kParts, then one row per bit above.

  static uint32_t Bucket(uint64_t ns) {
    if (ns < kParts) return static_cast<uint32_t>(ns);
    const uint32_t shift = static_cast<uint32_t>(std::bit_width(ns)) - kPartBits - 1;
    return (shift + 1) * kParts + static_cast<uint32_t>(ns >> shift) - kParts;
  }
  /// Largest value of a bucket.
  static uint64_t Upper(uint32_t bucket) {
    if (bucket < kParts) return bucket;
    const uint32_t shift = bucket / kParts - 1;
    return ((static_cast<uint64_t>(bucket % kParts + kParts) + 1) << shift) - 1;
  }

  std::array<uint64_t, kBuckets> counts_ = {};
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;  // 584 years of it
  uint64_t max_ns_ = 0;
  uint64_t min_ns_ = ~uint64_t{0};
};

}  // namespace penstock
