// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a run's bytes came the way that it says: what the controller, the block layer and another read say of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "benchmarks/bench/lane.h"
#include "benchmarks/bench/result.h"
#include "penstock/controller_counters.h"
#include "penstock/volume.h"

namespace penstock::bench {

/// Looks before a run and after it. Threads: one at a time.
class Witness {
 public:
  /// Borrows the volumes.
  explicit Witness(absl::Span<const Volume* const> volumes);

  /// Fills in what others have counted since.
  void Testify(Proof& proof) const;

 private:
  std::vector<BlockCounts> ReadBlocks() const;

  std::vector<std::string> devices_;  // in sysfs, those beneath the volumes, each once
  std::vector<std::string> remarks_;
  std::vector<BlockCounts> begin_;
  ControllerCounters controllers_;
};

/// What of a block device's statistics (Documentation/block/stat.rst): reads completed, and sectors of 512 bytes. Zeros if `text`
/// is none.
BlockCounts ParseBlockStatistics(const std::string& text);

/// Reads the samples by another path and compares their CRC-32C. Cost: a read each.
void CheckSamples(ReadPath path, absl::Span<const Sample> samples, absl::Span<const Volume* const> volumes, Proof& proof);

/// Says what in the proof contradicts a run by this path.
void FindContradictions(ReadPath path, Proof& proof);

}  // namespace penstock::bench
