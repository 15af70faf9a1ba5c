// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two that are set beside each other: a kernel that asks for its reads, and the pump, which makes the same ones.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmarks/io_latency/latency_split.h"
#include "benchmarks/io_latency/options.h"
#include "penstock/pump.h"
#include "penstock/volume.h"

namespace penstock::io_latency {

/// Multiples of the read's size, drawn with the seed. Errors: OutOfRange (a volume that is shorter than one read).
absl::StatusOr<std::vector<uint64_t>> RandomOffsets(const Options& options, const Volume& volume);

struct KernelRun {
  double seconds = 0;  // from the first request to the last handler that went on
  std::vector<LatencySplit> splits;
};

/// A device with the handler, and an I/O service that serves it. Errors: those of either; Internal (times that are in no order).
/// After an error reads may still be in flight: end the process.
absl::StatusOr<KernelRun> RunKernel(const Options& options, const Volume& volume, absl::Span<const uint64_t> offsets);

struct PumpedRun {
  double seconds = 0;
  PumpStatistics statistics;
};

/// The pump, with a NOP slot for each read. Errors as above.
absl::StatusOr<PumpedRun> RunPumped(const Options& options, const Volume& volume, absl::Span<const uint64_t> offsets);

}  // namespace penstock::io_latency
