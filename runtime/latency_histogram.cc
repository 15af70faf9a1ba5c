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

}  // namespace penstock
