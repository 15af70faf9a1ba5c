// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses how the bytes of a volume get into the memory of destinations: for each kind of memory the path that was demanded, or
// the first one that works.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "penstock/io_service.h"
#include "runtime/io_log.h"
#include "runtime/io_tables.h"

namespace penstock {

/// Threads: any, one after the other.
class IoRouteChooser {
 public:
  /// Borrows both. `has_device_memory`: make_probe_pool makes a device's memory.
  IoRouteChooser(const IoServiceOptions& options, bool has_device_memory, IoLog& log)
      : options_(options), has_device_memory_(has_device_memory), log_(log) {}

  /// Sets the source's route into each kind of memory that a path works for, and the refusals of the others, which are logged
  /// too. `pools`: what destinations lie in; a path has to take all of them that are of its kind, in as many queues as there are
  /// threads. Errors: FailedPrecondition if there is no route, with the last refusal's cause and remedy.
  absl::Status Choose(absl::Span<const BufferPool* const> pools, IoSource& source);
  /// A pool is gone: its memory may be another's from now on.
  void ForgetPools();

 private:
  std::optional<IoRoute> ChooseFor(const Volume& volume, absl::Span<const BufferPool* const> pools, IoMemory kind,
                                   std::vector<Refusal>& refusals);
  std::optional<Refusal> WhyNot(const Volume& volume, absl::Span<const BufferPool* const> pools, IoMemory kind, ReadPath path);
  /// Whether the path's queues can be opened on the pool, all at once: probing takes one, and a smaller pool.
  std::optional<Refusal> WhyNotOn(const BufferPool& pool, ReadPath path);

  const IoServiceOptions& options_;
  const bool has_device_memory_;
  IoLog& log_;
  std::mutex mutex_;
  /// By path, file system and kind of memory: one real read tells for all its files.
  std::map<std::tuple<ReadPath, uint64_t, IoMemory>, std::optional<Refusal>> probed_;
  std::map<std::pair<ReadPath, const BufferPool*>, std::optional<Refusal>> opened_;
};

}  // namespace penstock
