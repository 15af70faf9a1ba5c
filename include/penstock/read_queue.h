// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The narrow interface that every path implements, and every fake: single reads in, raw results out, in any order. A read may
// be a write: what is said of reads holds for both, unless it says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/direction.h"
#include "penstock/export.h"
#include "penstock/read_path.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// One read, as a path sees it; or one write, where `destination` is what the bytes come from. A write needs a volume that is
/// writable(): the queues do not look, the kernel refuses where it can.
struct RawRead {
  uint64_t user_data = 0;                  // any but ~0; not that of another read in flight
  const Volume* volume = nullptr;          // attached
  uint64_t offset_bytes = 0;               // on the volume; a multiple of what its support() of the path asks for
  uint32_t length_bytes = 0;               // at least 1, and a multiple of the same
  std::byte* destination = nullptr;        // inside one buffer of the pool that the queue was given
  Direction direction = Direction::kRead;  // reads, unless it says otherwise
};

/// `result` is the number of bytes read (0: end of file) or written, or -errno.
struct RawCompletion {
  uint64_t user_data = 0;    // of the read
  int64_t result = 0;        // bytes, or -errno
  uint16_t nvme_status = 0;  // what the controller answered if it was not success; `result` is -EIO then
};

/// Reads in flight. Short reads, interruptions and errors are passed on as they are: making sense of them is the Reader's work.
/// Threads: one thread at a time. None of the functions allocates.
class ReadQueue {
 public:
  virtual ~ReadQueue() = default;

  /// The path that the queue reads by.
  virtual ReadPath path() const = 0;
  /// Reads that can be queued before Wait has handed over the completion of one.
  virtual uint32_t capacity() const = 0;

  /// A volume must be attached before it is read and detached after its last completion; the queue may register its file.
  virtual void Attach(const Volume& volume) = 0;
  /// Forgets the volume. Requires: none of its reads is in flight.
  virtual void Detach(const Volume& volume) = 0;

  /// Queues a read; nothing is submitted yet. False, with nothing changed, when the queue is full. Never blocks.
  virtual bool TryQueue(const RawRead& read) = 0;
  /// Hands queued reads to the kernel. At most one system call. Errors: Unavailable; what was queued stays queued.
  virtual absl::Status Submit() = 0;
  /// Submits what is queued, then waits at most `timeout` for the first completion (zero: does not wait), and takes what has
  /// completed. Returns how many were stored in `completions`; 0 after the timeout or a signal, or when only parts of reads
  /// have completed: call it again. Errors: Unavailable.
  virtual absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) = 0;
  /// Asks for the read to be given up. It still completes exactly once, with its result or -ECANCELED.
  virtual void Cancel(uint64_t user_data) = 0;

  /// Bytes that the CPU copied on the way, so far.
  virtual uint64_t bounce_bytes() const = 0;
  /// NVMe commands that were sent, so far; 0 where the kernel makes them.
  virtual uint64_t command_count() const { return 0; }
  /// System calls that submitted, waited or read, so far.
  virtual uint64_t system_call_count() const { return 0; }
};

}  // namespace penstock
