// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opens an ingest run's sources one after the other, as the pump gets to them, and chooses each one's path.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/controller_counters.h"
#include "penstock/ingest.h"
#include "penstock/pump.h"
#include "penstock/volume.h"
#include "runtime/path_chooser.h"

namespace penstock {

/// Threads: the pump's.
class SourceFeed final : public PumpFeed {
 public:
  /// `inlets`: for each inlet the indices of its sources in `names`. Borrows the rest.
  SourceFeed(absl::Span<const std::string> names, std::vector<std::vector<uint32_t>> inlets, const IngestOptions& options,
             const BufferPool& pool);
  ~SourceFeed() override;

  uint32_t inlet_count() const override { return static_cast<uint32_t>(inlets_.size()); }
  std::optional<PumpSource> Next(uint32_t inlet) override;
  void End(PumpSourceEnd end) override;

  /// Moves what was learnt about the sources into `report`. Called once, after the run.
  void Report(IngestReport& report);

 private:
  /// The sources that are read one after the other.
  struct Inlet {
    std::vector<uint32_t> sources;  // indices
    size_t next = 0;
  };

  absl::StatusOr<PumpSource> Open(uint32_t index, uint32_t inlet);

  const IngestOptions& options_;
  std::vector<Inlet> inlets_;
  PathChooser chooser_;
  ControllerCounters counters_;
  std::vector<SourceReport> sources_;
  std::map<uint32_t, Volume> open_;  // by source index
  std::map<uint32_t, Reader*> readers_;
  std::map<ReadPath, uint64_t> bytes_;
  absl::Status first_error_;
};

}  // namespace penstock
