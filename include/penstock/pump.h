// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pump: joins reads and slots. A chunk that has fully landed becomes a published slot; a slot that has ended gives its
// buffer back to the reader. Back-pressure all the way; nothing is lost, and nothing is copied on the way.
//
//   free buffer -> reading -> landed -> published -> ended -> folded, in order -> free buffer
//
// Sources come through inlets: an inlet is what one controller or one file system serves. Inlets run at once, each with reads of
// its own in flight; within an inlet sources are read one after the other, the read-ahead going across their borders.
//
// Reads complete and slots end in any order; results are folded in the order in which the reads were started, which is that of
// each source's bytes, if it was not to be random. A chunk keeps its place in its inlet's window, and its buffer, until then. An
// inlet that waits holds up no other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"
#include "penstock/export.h"
#include "penstock/latency_histogram.h"
#include "penstock/operation.h"
#include "penstock/reader.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// A source that is open and ready to be read: an extent of a volume.
struct PumpSource {
  uint32_t index = 0;              // the feed's own number
  const Volume* volume = nullptr;  // outlives the source's end
  Reader* reader = nullptr;        // the volume is attached to its queue; inlets may share it
  uint64_t offset_bytes = 0;       // on the volume, where the extent starts; whatever alignment the reader's path needs
  uint64_t length_bytes = 0;       // of the extent
  uint32_t depth = 1;  // at least 1: no read is started while its inlet has as many in flight. The window is twice that
};

/// How a source ended.
struct PumpSourceEnd {
  uint32_t index = 0;      // that the feed gave it
  uint64_t bytes = 0;      // folded into `result`
  absl::Status status;     // the first error of the source: which chunk, at which offset on the volume, why
  OperationResult result;  // of the bytes that were folded
};

/// Where sources come from and their results go. Called by the pump's thread.
class PumpFeed {
 public:
  virtual ~PumpFeed() = default;
  /// How many inlets there are. Does not change during a run.
  virtual uint32_t inlet_count() const = 0;
  /// The inlet's next source, or nothing when it has no more; then it is not asked again. May open files: the other inlets' reads
  /// in flight go on meanwhile, but nothing is published. Requires: inlet < inlet_count().
  virtual std::optional<PumpSource> Next(uint32_t inlet) = 0;
  /// Nothing of the source is in flight any more; it may be closed.
  virtual void End(PumpSourceEnd end) = 0;
};

/// How a pump works.
struct PumpOptions {
  uint32_t chunk_bytes = 1u << 20;                           // at most the pool's buffer size
  std::optional<uint64_t> shuffle_seed = {};                 // set: a source's chunks come in a random order
  absl::Duration slot_timeout = absl::Seconds(60);           // ends the run: a slot takes longer, or others fill the ring longer
  absl::Duration drain_timeout = absl::Seconds(10);          // how long a run that was given up waits for what is in flight
  const std::atomic<bool>* cancel = nullptr;                 // once true: no new reads; what is in flight is given up and drained
  std::function<void(uint64_t bytes_folded)> progress = {};  // called at most ten times a second
};

/// What a pump has done.
struct PumpStatistics {
  uint64_t bytes = 0;             // folded
  uint64_t chunks = 0;            // folded
  LatencyHistogram read_latency;  // of a chunk's read, from its first submission to its last completion
  LatencyHistogram slot_latency;  // from publishing to reaping
};

/// What a pump works with. Everything is borrowed.
struct PumpParts {
  /// Running. Its ring may be shared with others of the same thread: what they have in it and do not reap takes room from the
  /// run, which ends with DeadlineExceeded when it finds none for `slot_timeout`.
  Device* device = nullptr;
  /// Shared by the inlets in equal parts, which grow as inlets end. An inlet uses at most 2 x depth buffers. With fewer buffers
  /// than inlets these take turns.
  const BufferPool* pool = nullptr;
  uint32_t buffer_handle = 0;      // names the pool's memory on the device
  Operation* operation = nullptr;  // prepared
};

/// How a run of the pump ended.
struct PumpOutcome {
  /// OK if every source ended well; otherwise the first error, in time, that a source of any inlet ended with.
  absl::Status status = absl::OkStatus();
  PumpStatistics statistics;  // of all inlets together
  /// A read could not be drained or a slot never ended: the pool's memory must not be freed, and the device must be closed.
  bool memory_in_use = false;
};

/// Pumps every source of the feed to its end. An error of one source ends that source while what is in flight drains; the
/// others go on. Errors: a source's own; Cancelled; DeadlineExceeded for a slot that never ended, or a ring that stays full;
/// Unavailable or Internal from a read queue; Unavailable for a device that is lost, which it notices within 0.2 s: all but the
/// first end every inlet. Threads: the one that uses the readers and the ring. Allocates a little for each source, nothing for a
/// chunk. One system call a wait while one reader is in use; with n readers, n and now and then one more.
PumpOutcome RunPump(const PumpParts& parts, const PumpOptions& options, PumpFeed& feed);

}  // namespace penstock
