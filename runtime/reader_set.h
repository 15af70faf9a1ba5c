// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Waits for the reads of several readers at once: a slow one never holds up what a quick one has ready.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "penstock/reader.h"

namespace penstock {

/// Threads: that of the readers.
class ReaderSet {
 public:
  /// `most_results`: chunk reads that can be in flight, at least 1.
  explicit ReaderSet(size_t most_results) : results_(most_results) {}

  /// Takes the reader in; once is enough. Borrowed. Allocates.
  void Add(Reader& reader);
  /// Requires: it is in the set, and nothing of it is in flight.
  void Remove(const Reader& reader);

  /// True while a read of any of them is in flight.
  bool AnyInFlight() const;

  /// Submits what was started and waits at most `timeout` for the next chunk reads, which it hands to `take`. With one reader in
  /// use that is one Wait of it. With several nothing can wait for all of them: each is asked without waiting, and if none has
  /// anything, the one whose reads come soonest, by its last latency, is waited for, 1 ms at most.
  /// Errors: those of Reader::Wait; what other readers had is handed over all the same.
  absl::Status Wait(absl::Duration timeout, absl::FunctionRef<void(const ChunkResult&)> take);

  void CancelAll();
  /// Reader::Drain of every one. Errors: DeadlineExceeded if one of them could not be drained.
  absl::Status Drain(absl::Duration timeout);

 private:
  struct Member {
    Reader* reader;
    uint64_t expected_ns;  // its last read took so long, and what was waited for since in vain
  };

  absl::StatusOr<size_t> Collect(Member& member, absl::Duration timeout, absl::FunctionRef<void(const ChunkResult&)> take);

  std::vector<Member> members_;
  std::vector<ChunkResult> results_;
};

}  // namespace penstock
