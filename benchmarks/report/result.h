// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A result of `penstock bench` as its readers see it: docs/bench.md says what each field is.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/bench/stage.h"

namespace penstock::report {

using Json = nlohmann::ordered_json;  // keeps the order in which the environment was written

inline constexpr char kSchema[] = "penstock-bench-1";

/// What was asked for. Lists are joined by commas, so that two jobs are compared value by value.
struct Job {
  std::string name;
  std::string volumes;
  std::string access;        // "read" or "randread"
  std::string distribution;  // "uniform" or "zipf:1.2"
  uint64_t min_block_bytes = 0;
  uint64_t max_block_bytes = 0;
  uint64_t iodepth = 0;
  uint64_t numjobs = 0;
  double rate_reads = 0;  // a second of each job; 0: as fast as they end
  double rate_bytes = 0;
  std::string path;
  std::string device;
  std::string operation;
  bool poll_device = false;
  bool kernel_thread = false;
  std::string buffer;
  uint64_t batch_submit = 1;
  uint64_t batch_complete = 1;
  std::string cpus;
  std::string numa;
  std::string huge_pages;  // "true", "false", or nothing: if there are some
  uint64_t workgroups = 0;
  uint64_t offset_bytes = 0;
  uint64_t size_bytes = 0;
  double runtime_seconds = 0;
  double ramp_seconds = 0;
  double steady_fraction = 0;  // 0: the run did not wait for a steady state
  uint64_t seed = 0;
  uint64_t loop = 0;
};

/// Of one stage, or of all; nanoseconds.
struct Latency {
  double count = 0;
  double mean = 0;
  double min = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double p99_9 = 0;
  double p99_99 = 0;
  double max = 0;
};

struct Processor {
  double user_seconds = 0;
  double system_seconds = 0;
  double ns_per_read = 0;
  double system_calls_per_read = 0;
  double voluntary_switches = 0;
  double involuntary_switches = 0;
};

struct Second {
  double second = 0;
  double iops = 0;
  double bytes_per_second = 0;
  std::optional<double> p99_ns;  // nothing: no read ended
};

struct Proof {
  bool agrees = false;
  double all_reads = 0;  // with those before and after the measurement, as counters have them
  double bytes_copied = 0;
  double commands = 0;
  Json controllers = Json::array();
  double block_layer_reads = 0;  // of all devices beneath the volumes
  double checked_bytes = 0;      // compared with another read
  double verified_bytes = 0;     // compared by the kernel
  std::vector<std::string> contradictions;
  std::vector<std::string> remarks;
};

enum class RunStatus { kOk, kRefused, kFailed, kPartial, kDisagrees };

struct RunRecord {
  Job job;
  RunStatus status = RunStatus::kOk;
  std::string cause;   // of a run that was refused or failed
  std::string remedy;  // to it
  // What follows was measured; a run that was refused or failed has none of it.
  double seconds = 0;
  double reads = 0;
  double bytes = 0;
  double iops = 0;
  double bytes_per_second = 0;
  Processor processor;
  Latency total;
  bench::EachStage<std::optional<Latency>> stage;
  std::optional<bool> steady;
  std::vector<Second> series;
  Proof proof;

  /// Whether it may stand in an average: it ran to its end, its counters agree with what it claims, and there is a read to tell
  /// of.
  bool Counts() const { return status == RunStatus::kOk && proof.agrees && reads > 0; }
  bool WasMeasured() const { return status != RunStatus::kRefused && status != RunStatus::kFailed; }
};

struct Result {
  std::string name;  // how readers tell it from others: its file's, with its folders where it is one of several of that name
  std::string version;
  std::string git_revision;
  std::string started;  // ISO 8601
  bool partial = false;
  std::vector<std::string> command_line;
  Json environment;
  double clock_ns = 0;              // what reading the clock costs
  double overhead_ns_per_read = 0;  // what measuring costs
  std::vector<RunRecord> runs;

  /// Processors of the host; 0 if the result does not say.
  double processors() const;
};

/// "ok", "refused", ...: as the file has it.
const char* StatusName(RunStatus status);

}  // namespace penstock::report
