// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a run goes, for a Prometheus that asks or for its node exporter's text files.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/bench/job.h"
#include "benchmarks/bench/run.h"

namespace penstock::bench {

/// Text exposition format 0.0.4: gauges named penstock_bench_*, in seconds and bytes, labelled with the job. Rates and latency
/// are there while the run is measured, and only then.
std::string MetricsText(const Job& job, const LiveStatus& live);

/// Where they can be read. Threads: one calls Update; what answers over the network is a thread of its own.
class Metrics {
 public:
  /// `where`: "" for nowhere; 127.0.0.1:PORT or localhost:PORT to answer GET /metrics there, for this machine alone; else a file,
  /// which is replaced as a whole at each change. Errors: InvalidArgument for a file that cannot be made, and for one that is
  /// there and holds anything else than MetricsText; Unavailable for a port that is taken.
  static absl::StatusOr<std::unique_ptr<Metrics>> Open(const std::string& where);
  virtual ~Metrics() = default;

  virtual void Update(const std::string& text) = 0;
};

}  // namespace penstock::bench
