// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What came out of one measurement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "benchmarks/bench/job.h"
#include "benchmarks/bench/stages.h"
#include "penstock/controller_counters.h"

namespace penstock::bench {

enum class Verdict {
  kOk,
  kRefused,    // nothing was run; `status` says why
  kFailed,     // it was not run to its end; what was measured until then is there
  kPartial,    // the user ended it before its time
  kDisagrees,  // what others counted is not what it claims; see Proof::remarks
};

/// What the process used while it was measured.
struct Usage {
  double user_seconds = 0;
  double system_seconds = 0;
  uint64_t system_calls = 0;  // of the read queues: io_uring_enter or pread
  uint64_t voluntary_switches = 0;
  uint64_t involuntary_switches = 0;
};

/// One second of a run, all jobs together.
struct Second {
  uint64_t reads = 0;
  uint64_t bytes = 0;
  uint64_t p99_ns = 0;  // of the job that it was worst for
};

/// What the kernel's block layer counted for the device beneath a volume, for everybody who uses it.
struct BlockCounts {
  std::string device;  // its directory in sysfs
  uint64_t reads = 0;
  uint64_t bytes = 0;
};

/// Whether what was measured is what it is called.
struct Proof {
  uint64_t bytes_copied_by_cpu = 0;
  uint64_t commands = 0;   // NVMe commands of this process
  uint64_t all_reads = 0;  // and all_bytes: also of the time before and after the measurement, as the counters' are
  uint64_t all_bytes = 0;
  uint64_t checked_bytes = 0;   // whose CRC-32C was compared with that of another read, the page cache's
  uint64_t verified_bytes = 0;  // that the kernel compared with the pattern
  std::vector<ControllerCounts> controllers;
  std::vector<BlockCounts> blocks;
  std::vector<std::string> contradictions;  // empty: nothing speaks against it
  std::vector<std::string> remarks;         // what could not be looked at, and why
};

struct RunResult {
  Job job;
  Verdict verdict = Verdict::kOk;
  absl::Status status;  // kRefused, kFailed
  std::string device;   // what ran the kernel; empty for nothing
  double seconds = 0;   // that were measured
  uint64_t reads = 0;   // that ended in them
  uint64_t bytes = 0;
  Usage usage;
  StageLatencies latency;
  std::optional<bool> steady;  // if Job::steady_fraction was set: whether that ended the run
  std::vector<Second> series;
  Proof proof;
  std::string pages;               // what the buffers lie on
  std::vector<std::string> notes;  // what is to be known of the job when its figures are read

  /// Whether it was held against what others counted: not if it never began, or broke on the way.
  bool is_judged() const { return verdict != Verdict::kRefused && verdict != Verdict::kFailed; }
};

}  // namespace penstock::bench
