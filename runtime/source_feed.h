// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opens an ingest run's sources one after the other, as the pump gets to them, and chooses each one's path.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/ingest.h"
#include "penstock/pump.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "penstock/volume.h"

namespace penstock {

/// Threads: the pump's.
class SourceFeed final : public PumpFeed {
 public:
  /// Borrows everything.
  SourceFeed(absl::Span<const std::string> names, const IngestOptions& options, const BufferPool& pool);
  ~SourceFeed() override;

  std::optional<PumpSource> Next() override;
  void End(PumpSourceEnd end) override;

  /// Moves what was learnt about the sources into `report`. Called once, after the run.
  void Report(IngestReport& report);

 private:
  /// A path that may have been opened: a queue and its reader, or why there is none.
  struct Path {
    std::unique_ptr<ReadQueue> queue;
    std::unique_ptr<Reader> reader;
    std::optional<Refusal> refusal;
  };

  Path& DirectPath();
  Path& PlainPath();
  void OpenReader(Path& path, uint32_t depth);
  std::optional<Refusal> WhyNotDirect(const Volume& volume);
  absl::StatusOr<Reader*> ChooseReader(const Volume& volume, SourceReport& source);
  std::optional<PumpSource> Open(uint32_t index);

  const IngestOptions& options_;
  const BufferPool& pool_;
  std::vector<SourceReport> sources_;
  std::map<uint32_t, Volume> open_;  // by source index
  std::map<uint32_t, Reader*> readers_;
  std::map<uint64_t, std::optional<Refusal>> probed_;  // by file system: one real read tells for all its files
  Path direct_;
  Path plain_;
  uint32_t next_ = 0;
  absl::Status first_error_;
};

}  // namespace penstock
