// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chooses how the bytes of a volume get into the memory of destinations: for each kind of memory the path that was demanded, or
// the first one that works.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <tuple>

#include "absl/status/statusor.h"
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

  /// A route for each kind of memory that a path works for. Every refusal is logged.
  /// Errors: FailedPrecondition if there is none, with the last refusal's cause and remedy.
  absl::StatusOr<IoRoutes> Choose(const Volume& volume);

 private:
  std::optional<IoRoute> ChooseFor(const Volume& volume, IoMemory kind, std::optional<Refusal>& last);
  std::optional<Refusal> WhyNot(const Volume& volume, IoMemory kind, ReadPath path);

  const IoServiceOptions& options_;
  const bool has_device_memory_;
  IoLog& log_;
  std::mutex mutex_;
  /// By path, file system and kind of memory: one real read tells for all its files.
  std::map<std::tuple<ReadPath, uint64_t, IoMemory>, std::optional<Refusal>> probed_;
};

}  // namespace penstock
