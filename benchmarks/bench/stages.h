// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a read's time goes.
#pragma once

#include <cstdint>

#include "benchmarks/bench/stage.h"
#include "penstock/latency_histogram.h"

namespace penstock::bench {

/// The moments of one read, by the host's monotonic clock, in ns.
struct Moments {
  uint64_t due_ns = 0;        // when it was to begin by its rate; without one, when it was chosen
  uint64_t handed_ns = 0;     // just before the system call that submitted it
  uint64_t taken_ns = 0;      // its completion was taken
  uint64_t published_ns = 0;  // its slot was published; 0 without a device, and so are the next two
  uint64_t claimed_ns = 0;    // a workgroup took it up
  uint64_t done_ns = 0;       // its handler had ended
  uint64_t ended_ns = 0;      // its slot was reaped; without a device as taken
};

/// A histogram a stage. A rate's delays are in kQueued and `total`: coordinated omission is not left out.
struct Stages {
  LatencyHistogram total;
  EachStage<LatencyHistogram> stage = {};

  void Record(const Moments& moments) {
    total.Record(moments.ended_ns - moments.due_ns);
    stage[Stage::kQueued].Record(moments.handed_ns - moments.due_ns);
    stage[Stage::kDevice].Record(moments.taken_ns - moments.handed_ns);
    if (moments.published_ns == 0) return;
    stage[Stage::kLanded].Record(moments.published_ns - moments.taken_ns);
    stage[Stage::kClaimed].Record(moments.claimed_ns - moments.published_ns);
    stage[Stage::kDone].Record(moments.done_ns - moments.claimed_ns);
    stage[Stage::kReaped].Record(moments.ended_ns - moments.done_ns);
  }

  void Add(const Stages& other) {
    total.Add(other.total);
    for (size_t i = 0; i < kStageCount; ++i) stage.of[i].Add(other.stage.of[i]);
  }
};

/// What is kept of a histogram when its run has ended.
struct Latency {
  uint64_t count = 0;
  double mean_ns = 0;
  uint64_t min_ns = 0;
  uint64_t p50_ns = 0;
  uint64_t p90_ns = 0;
  uint64_t p99_ns = 0;
  uint64_t p99_9_ns = 0;
  uint64_t p99_99_ns = 0;
  uint64_t max_ns = 0;
};

inline Latency LatencyOf(const LatencyHistogram& histogram) {
  return {.count = histogram.count(),
          .mean_ns = histogram.mean_ns(),
          .min_ns = histogram.min_ns(),
          .p50_ns = histogram.Percentile(0.5),
          .p90_ns = histogram.Percentile(0.9),
          .p99_ns = histogram.Percentile(0.99),
          .p99_9_ns = histogram.Percentile(0.999),
          .p99_99_ns = histogram.Percentile(0.9999),
          .max_ns = histogram.max_ns()};
}

struct StageLatencies {
  Latency total;
  EachStage<Latency> stage = {};  // without samples: the run does not have it
};

inline StageLatencies LatenciesOf(const Stages& stages) {
  StageLatencies latencies = {.total = LatencyOf(stages.total)};
  for (size_t i = 0; i < kStageCount; ++i) latencies.stage.of[i] = LatencyOf(stages.stage.of[i]);
  return latencies;
}

}  // namespace penstock::bench
