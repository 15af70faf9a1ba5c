// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses the path of each source of an ingest run, and keeps the queues and readers of the paths that are used.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "penstock/buffer_pool.h"
#include "penstock/ingest.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "penstock/volume.h"

namespace penstock {

/// Threads: the pump's.
class PathChooser {
 public:
  struct Source {
    const Volume& volume;
    uint32_t inlet;
    uint64_t offset_bytes;  // on the volume, where reading starts
  };

  struct Choice {
    Reader* reader;
    uint32_t depth;  // reads that the source's inlet may have in flight
  };

  /// Borrows both. `inlet_count` inlets read at once.
  PathChooser(const IngestOptions& options, const BufferPool& pool, uint32_t inlet_count)
      : options_(options), pool_(pool), inlet_count_(inlet_count) {}

  /// The path that was demanded, or the first one of Candidates that works. Paths that do not are added to `refusals`.
  /// Errors: FailedPrecondition if none works, with the last one's cause and remedy.
  absl::StatusOr<Choice> Choose(const Source& source, std::vector<Refusal>& refusals);

  /// What went by each path that was used.
  std::vector<PathReport> Report() const;

 private:
  /// A path that may have been opened: a queue and its reader, or why there is none.
  struct Path {
    std::unique_ptr<ReadQueue> queue;
    std::unique_ptr<Reader> reader;
    std::optional<Refusal> refusal;
  };

  std::vector<ReadPath> Candidates(const Volume& volume) const;
  std::optional<Refusal> WhyNot(ReadPath path, const Source& source);
  Path& Open(ReadPath path, uint32_t inlet);
  ReadQueueOptions QueueOptions(ReadPath path) const;

  const IngestOptions& options_;
  const BufferPool& pool_;
  const uint32_t inlet_count_;
  // By inlet, where path pread has threads of its own: one that waits for a slow disk serves nobody else. The others are 0.
  std::map<std::pair<ReadPath, uint32_t>, Path> paths_;
  std::map<std::pair<ReadPath, uint64_t>, std::optional<Refusal>>
      probed_;  // by file system: one real read tells for all its files
};

}  // namespace penstock
