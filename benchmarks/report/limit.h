// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What keeps a point of the grid from reading more, guessed by rule from its own figures.
#pragma once

#include <string>

#include "absl/types/span.h"
#include "benchmarks/report/point.h"

namespace penstock::report {

enum class LimitKind {
  kRate,          // nothing else was asked for
  kProcessor,     // the threads have no time left
  kQueue,         // reads wait before they are handed to the kernel
  kDeviceKernel,  // reads that are there wait for the device's kernel, or for the ring before it
  kDepth,         // the device's latency times too few reads in flight
  kDevice,        // more reads in flight bring no more
  kMixed,         // no stage has more than half of the time
};

struct Limit {
  LimitKind kind = LimitKind::kMixed;
  std::string reason;  // the figures that it rests on, one sentence without a full stop
};

/// Requires: at least one run of `point` counts, and `point` is one of `points`, which are those of its result or more.
Limit LimitOf(const Point& point, absl::Span<const Point> points);

/// "the rate", "CPU time", ...
std::string LimitName(LimitKind kind);

}  // namespace penstock::report
