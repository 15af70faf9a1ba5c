// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one line that a terminal shows while a job runs.
#pragma once

#include <string>

#include "benchmarks/bench/job.h"
#include "benchmarks/bench/run.h"

namespace penstock::bench {

/// "nvme randread 4.00 KiB depth 32: 51234 IOPS, 200 MiB/s, p99 1.20 ms, 7 s left", or "..., warming up".
std::string FormatLive(const Job& job, const LiveStatus& live);

/// What of a line fits `columns`, of which 0 stands for so many as are needed: on a terminal the rest would go on in a line of
/// its own, which nothing wipes.
std::string CutTo(std::string line, size_t columns);

/// Writes to stderr, and only if that is a terminal. Threads: one.
class LiveLine {
 public:
  LiveLine();
  void Update(const Job& job, const LiveStatus& live);
  /// Wipes the line.
  void Clear();

 private:
  const bool shown_;
};

}  // namespace penstock::bench
