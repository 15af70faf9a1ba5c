// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Monotonic time in nanoseconds, the one clock that every latency and deadline on the host is taken from.
#pragma once

#include <time.h>

#include <cstdint>

#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// CLOCK_MONOTONIC. Threads: any. Cost: about 25 ns, no system call.
inline uint64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace penstock
