// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace penstock {

uint64_t LatencyHistogram::Percentile(double fraction) const {
  const uint64_t wanted = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (uint32_t bucket = 0; bucket < kBuckets && count_ > 0; ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return std::min(Upper(bucket), max_ns_);
  }
  return max_ns_;
}

void LatencyHistogram::Add(const LatencyHistogram& other) {
  for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
  min_ns_ = std::min(min_ns_, other.min_ns_);
}

}  // namespace penstock
