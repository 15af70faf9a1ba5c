// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sources of a run in which the kernel pulls: opened, cut into extents, and put together again from the kernel's results.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/controller_counters.h"
#include "penstock/ingest.h"
#include "penstock/io_service.h"
#include "penstock/layout/pull_list.h"
#include "penstock/operation.h"
#include "penstock/volume.h"

namespace penstock {

/// Threads: one at a time.
class PullSources {
 public:
  /// Opens every source and registers it with the service; one that cannot be is reported as such, and has no extents. Borrows
  /// all.
  PullSources(absl::Span<const std::string> names, const IngestOptions& options, IoService& service, bool is_device_memory);

  /// A chunk each, in the order of the sources and, if it is not to be random, of their bytes.
  const std::vector<layout::PullExtent>& extents() const { return extents_; }

  /// Folds what the kernel has made of each extent, in order, and says how each source ended. `rows`: as extents(), filled in.
  /// Requires: the kernel has stopped.
  void Report(const Operation& operation, absl::Span<const layout::PullExtent> rows, IngestReport& report);

 private:
  struct Source {
    std::unique_ptr<Volume> volume;  // null: could not be opened
    size_t first_extent = 0;
    size_t extent_count = 0;
    uint64_t offset_bytes = 0;  // of the extent, on the volume
    SourceReport report;
  };

  absl::Status Open(Source& source);
  absl::Status ErrorOf(const Source& source, const layout::PullExtent& row) const;
  uint64_t Fold(const Operation& operation, absl::Span<const layout::PullExtent> as_pulled, Source& source) const;

  const IngestOptions& options_;
  IoService& service_;
  const bool is_device_memory_;
  std::vector<Source> sources_;
  std::vector<layout::PullExtent> extents_;
  ControllerCounters counters_;
};

}  // namespace penstock
