// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chunk reads that are complete or failed, never in between: the layer above a ReadQueue that pairs completions with requests,
// resubmits short reads, retries what the system says to retry, and knows a true end of file. On path read, where the kernel may
// have merged neighbours into one command, a read that failed for bytes on the device is tried once more, alone. A read may be a
// write: what is said of reads holds for both, unless it says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/read_queue.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// One chunk to read: the bytes land at the start of `destination`. Or one to write: they come from there, and must stay as they
/// are until the write has ended.
struct ChunkRead {
  uint64_t tag = 0;                        // comes back with the result
  const Volume* volume = nullptr;          // attached; outlives the read
  uint64_t offset_bytes = 0;               // a multiple of what the volume's support() of the path asks for
  uint32_t length_bytes = 0;               // at least 1; for a read the end of a file need not be aligned, for a write it must be
  absl::Span<std::byte> destination;       // at least length_bytes, rounded up to that
  Direction direction = Direction::kRead;  // reads, unless it says otherwise
};

/// `status` OK: `bytes` is length_bytes, or less where the file ended early (a true end of file: a read there brought nothing,
/// or two reads agree on it). Otherwise `bytes` have landed before the error. Errors, errno or NVMe status attached where there
/// is one: DataLoss (EIO, media errors and the like), Unavailable (gave up after the retry limit; the controller is gone),
/// OutOfRange (blocks beyond the namespace), FailedPrecondition and Unimplemented (the path cannot read this file),
/// InvalidArgument (memory that the queue was not given, or that the path cannot reach), DeadlineExceeded (took longer than the
/// timeout and was cancelled; whatever landed after that does not count as complete), Cancelled.
///
/// A write that is OK has length_bytes: they are what every path reads from then on, except where path bar or nvme wrote what the
/// page cache had: path pread reads what was there before, until nobody has the block node open any more. Only a flush (fsync of
/// the file or block node) makes them outlast a loss of power. After any error its extent holds old bytes, new ones, or both; so
/// it does where the write was given up, and there it may still change until the path has let go of it. Of its own a write has
/// FailedPrecondition (no space left, write-protected, in use as swap), OutOfRange (larger than files may be), and Unavailable if
/// it brought nothing onto the volume and no error either.
struct ChunkResult {
  uint64_t tag = 0;         // of the chunk
  uint32_t bytes = 0;       // that have landed, or were written
  uint64_t latency_ns = 0;  // from Start to the last completion
  absl::Status status;      // see above
};

/// Threads: one thread at a time. Nothing is allocated after construction unless a read fails.
class Reader {
 public:
  /// How a reader works.
  struct Options {
    uint32_t depth = 32;                              // chunk reads in flight, at most the queue's capacity
    absl::Duration read_timeout = absl::Seconds(30);  // after it a read is cancelled and ends in DeadlineExceeded
    uint32_t retry_limit = 16;                        // EINTR and EAGAIN in a row for one read
    uint32_t nvme_retry_limit = 5;  // NVMe errors in a row for one read, if they may be retried; as the kernel's
  };

  /// What a reader has done so far.
  struct Counts {
    uint64_t submitted = 0;    // chunk reads started
    uint64_t completed = 0;    // ended with status OK
    uint64_t failed = 0;       // ended with an error
    uint64_t resubmitted = 0;  // extra raw reads: after short ones and retries

    /// Adds the other's counts.
    Counts& operator+=(const Counts& other) {
      submitted += other.submitted;
      completed += other.completed;
      failed += other.failed;
      resubmitted += other.resubmitted;
      return *this;
    }
  };

  /// `queue` is borrowed and outlives the reader. Requires: depth is at least 1 and at most the queue's capacity.
  Reader(ReadQueue& queue, const Options& options);
  /// Drains for at most 5 s if reads are in flight. Who owns their memory calls Drain first, and looks at what it says.
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Starts a read; it is submitted by the next Wait at the latest. Never blocks.
  /// Errors, before anything is queued: ResourceExhausted when `depth` reads are in flight; InvalidArgument for an empty chunk,
  /// a misaligned offset or a destination that is misaligned or too small; FailedPrecondition when the path cannot be used for
  /// the volume. For a write also FailedPrecondition when the volume is not writable(), InvalidArgument for a misaligned length
  /// (the rest of its last block is not the caller's to write), OutOfRange past the end: nothing is made longer. A file that is
  /// cut off by others just then may become longer again.
  absl::Status Start(const ChunkRead& read);

  /// Chunk reads that may be in flight.
  uint32_t depth() const { return options_.depth; }
  /// Chunk reads that were started, and have not come out of Wait.
  uint32_t in_flight() const;
  /// Start would not say ResourceExhausted.
  bool HasRoom() const { return in_flight() < options_.depth; }

  /// Submits, waits at most `timeout` for a raw completion, and stores finished chunks in `results`. Returns how many;
  /// a read that needs more raw reads is resubmitted and not counted. 0 after the timeout, and earlier when there was
  /// something to do but no chunk finished: call it again. Errors: Unavailable, Internal (a completion that belongs to no
  /// read: it is refused, no read is touched, and the next Wait goes on with the others). Requires: room for a result.
  absl::StatusOr<size_t> Wait(absl::Span<ChunkResult> results, absl::Duration timeout);

  /// Asks for every read in flight to be given up; each still comes out of Wait, once, as Cancelled or finished.
  void CancelAll();

  /// Cancels, then waits until nothing is in flight, at most `timeout`; results are dropped. OK: no byte will be written to any
  /// destination any more. DeadlineExceeded: the memory of the reads in flight must not be freed.
  absl::Status Drain(absl::Duration timeout);

  /// What it has done so far.
  const Counts& counts() const { return counts_; }
  /// The queue that it was made with.
  ReadQueue& queue() { return queue_; }

 private:
  struct Entry;

  absl::Status Check(const ChunkRead& read) const;
  absl::Status CheckWrite(const ChunkRead& write, uint32_t alignment) const;
  uint32_t AlignmentOf(const Volume& volume) const;
  bool MustWait(const Entry& entry) const;
  void QueueRaw(Entry& entry);
  void TryAlone(Entry& entry);
  size_t QueueKept(absl::Span<ChunkResult> results);
  absl::Status WaitForCompletions(absl::Duration timeout);
  Entry* Find(uint64_t user_data);
  std::optional<absl::Status> Advance(Entry& entry, const RawCompletion& completion);
  std::optional<absl::Status> RetryOrFail(Entry& entry, const RawCompletion& completion);
  absl::Status GivenUp(const Entry& entry) const;
  absl::Status Stopped(const Entry& entry) const;
  ChunkResult Finish(Entry& entry, absl::Status status, uint64_t now_ns);
  void CancelOverdue(uint64_t now_ns);

  ReadQueue& queue_;
  const Options options_;
  const uint64_t read_timeout_ns_;
  Counts counts_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_entries_;
  uint32_t kept_count_ = 0;                 // entries whose raw read the queue does not have yet
  uint32_t alone_count_ = 0;                // entries that are tried again alone
  uint64_t earliest_deadline_ns_;           // no read in flight has an earlier one
  std::vector<RawCompletion> completions_;  // [next_completion_, completion_count_) are still to be looked at
  size_t next_completion_ = 0;
  size_t completion_count_ = 0;
};

}  // namespace penstock
