// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs one job.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "benchmarks/bench/job.h"
#include "benchmarks/bench/result.h"

namespace penstock::bench {

/// A look at a run that goes on.
struct LiveStatus {
  bool is_measured = false;  // it is past its ramp
  double seconds_left = 0;
  double reads_per_second = 0;  // over the last look's time
  double bytes_per_second = 0;
  uint64_t p99_ns = 0;  // of the last whole second, of the job that it was worst for
};

struct RunControl {
  const std::atomic<bool>* cancel = nullptr;         // once true, the run ends with what it has
  std::function<void(const LiveStatus&)> live = {};  // called some times a second by the thread that called RunJob
};

/// Opens what the job names, reads for its ramp and its time, and says what was measured. Never fails as a whole: what cannot be
/// opened or reached is a refused result, what breaks on the way a failed one. Threads: any, one at a time; makes job.numjobs of
/// its own, and the device's.
RunResult RunJob(const Job& job, const RunControl& control);

/// What a look at the clock costs, and what measuring adds to a read: as much as RunJob does for each, done many times over.
struct MeasuringCost {
  double clock_ns = 0;
  double read_ns = 0;
};
MeasuringCost MeasureMeasuring();

}  // namespace penstock::bench
