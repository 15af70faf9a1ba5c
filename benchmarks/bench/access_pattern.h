// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which bytes a job reads next.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "benchmarks/bench/job.h"
#include "benchmarks/bench/zipf.h"

namespace penstock::bench {

/// A part of a volume.
struct VolumePart {
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;
};

/// The reads of one of a job's threads, the same ones for the same seed. Threads: one at a time. Next allocates nothing.
class AccessPattern {
 public:
  struct Read {
    uint32_t volume = 0;
    uint64_t offset_bytes = 0;  // on the volume
    uint32_t length_bytes = 0;
  };

  /// `lane`: which of job.numjobs threads it is; sequential ones start at as many places, equally far apart.
  /// Requires: every part holds at least job.max_block_bytes.
  AccessPattern(const Job& job, uint32_t lane, absl::Span<const VolumePart> parts);

  /// Volumes take turns. At the end of its part a sequential pattern goes on at its start.
  Read Next();

 private:
  struct Place {
    VolumePart part;
    uint64_t block_count = 0;  // of the smallest size
    uint64_t next_block = 0;   // sequential
    uint64_t stride = 1;       // has no divisor in common with block_count: scatters the blocks that Zipf likes best
    std::optional<Zipf> zipf = {};
  };

  uint32_t NextLength();
  uint64_t NextBlock(Place& place, uint32_t length_bytes);

  const Access access_;
  const uint32_t min_block_bytes_;
  const uint32_t max_block_bytes_;
  std::vector<Place> places_;
  uint32_t next_volume_ = 0;
  std::mt19937_64 random_;
};

}  // namespace penstock::bench
