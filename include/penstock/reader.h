// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chunk reads that are complete or failed, never in between: the layer above a ReadQueue that pairs completions with requests,
// resubmits short reads, retries what the system says to retry, and knows a true end of file.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/read_queue.h"
#include "penstock/volume.h"

namespace penstock {

/// One chunk to read. The bytes land at the start of `destination`.
struct ChunkRead {
  uint64_t tag = 0;                      // comes back with the result
  const Volume* volume = nullptr;        // attached; outlives the read
  uint64_t offset_bytes = 0;             // a multiple of the volume's offset alignment
  uint32_t length_bytes = 0;             // any; the end of a file need not be aligned
  absl::Span<std::byte> destination;     // at least length_bytes, rounded up to the volume's offset alignment
};

/// `status` OK: `bytes` is length_bytes, or less where the file ended early (a true end of file, asked for twice).
/// Otherwise `bytes` have landed before the error. Errors: DataLoss (EIO and the like, errno attached), Unavailable (gave up
/// after the retry limit), DeadlineExceeded (stuck; it was cancelled first), Cancelled.
struct ChunkResult {
  uint64_t tag = 0;
  uint32_t bytes = 0;
  uint64_t latency_ns = 0;  // from the first submission to the last completion
  absl::Status status;
};

/// Threads: one thread at a time. Nothing is allocated after construction unless a read fails.
class Reader {
 public:
  struct Options {
    uint32_t depth = 32;                               // chunk reads in flight, at most the queue's capacity
    absl::Duration read_timeout = absl::Seconds(30);   // after it a read is cancelled and ends in DeadlineExceeded
    uint32_t retry_limit = 16;                         // EINTR and EAGAIN in a row for one read
  };

  struct Counts {
    uint64_t submitted = 0;    // chunk reads started
    uint64_t completed = 0;    // ended with status OK
    uint64_t failed = 0;       // ended with an error
    uint64_t resubmitted = 0;  // extra raw reads: after short ones and retries
  };

  /// `queue` is borrowed and outlives the reader. Requires: depth is at least 1 and at most the queue's capacity.
  Reader(ReadQueue& queue, const Options& options);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Starts a read; it is submitted by the next Wait at the latest. Never blocks.
  /// Errors: ResourceExhausted when `depth` reads are in flight; InvalidArgument for a misaligned offset or a destination that
  /// is too small, before anything is queued.
  absl::Status Start(const ChunkRead& read);

  uint32_t in_flight() const;
  bool HasRoom() const { return in_flight() < options_.depth; }

  /// Submits, waits at most `timeout` for a raw completion, and stores finished chunks in `results`. Returns how many;
  /// a read that needs more raw reads is resubmitted and not counted. 0 after the timeout. Errors: Unavailable, Internal
  /// (a completion that belongs to no read: it is refused, and no read is touched).
  absl::StatusOr<size_t> Wait(absl::Span<ChunkResult> results, absl::Duration timeout);

  /// Asks for every read in flight to be given up; each still comes out of Wait, once, as Cancelled or finished.
  void CancelAll();

  /// Cancels, then waits until nothing is in flight, at most `timeout`. OK: no byte will be written to any destination any
  /// more. DeadlineExceeded: the memory of the reads in flight must not be freed.
  absl::Status Drain(absl::Duration timeout);

  const Counts& counts() const { return counts_; }
  ReadQueue& queue() { return queue_; }

 private:
  struct Entry;

  ReadQueue& queue_;
  const Options options_;
  Counts counts_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_entries_;
  std::vector<RawCompletion> completions_;
};

}  // namespace penstock
