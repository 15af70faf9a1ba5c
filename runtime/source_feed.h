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
  /// Borrows everything.
  SourceFeed(absl::Span<const std::string> names, const IngestOptions& options, const BufferPool& pool);
  ~SourceFeed() override;

  uint32_t inlet_count() const override { return 1; }
  std::optional<PumpSource> Next(uint32_t inlet) override;
  void End(PumpSourceEnd end) override;

  /// Moves what was learnt about the sources into `report`. Called once, after the run.
  void Report(IngestReport& report);

 private:
  std::optional<PumpSource> Open(uint32_t index);

  PathChooser chooser_;
  ControllerCounters counters_;
  std::vector<SourceReport> sources_;
  std::map<uint32_t, Volume> open_;  // by source index
  std::map<uint32_t, Reader*> readers_;
  std::map<ReadPath, uint64_t> bytes_;
  uint32_t next_ = 0;
  absl::Status first_error_;
};

}  // namespace penstock
