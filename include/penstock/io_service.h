// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The I/O service: serves the requests that a running kernel makes in its live I/O queues (layout/live_io.h). The kernel names a
// source and a destination by handle; what a handle stands for, and how far it reaches, is registered here and checked here. A
// descriptor, pointer or address never comes from the device.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/export.h"
#include "penstock/layout/buffer_table.h"
#include "penstock/live_io_queues.h"
#include "penstock/read_path.h"
#include "penstock/read_paths.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// Opens the queue of a path on a pool; the service does it for each path, pool and thread. As OpenReadQueue.
using ReadQueueMaker =
    std::function<absl::StatusOr<std::unique_ptr<ReadQueue>>(ReadPath, const BufferPool&, const ReadQueueOptions&)>;

/// When a request was where, in MonotonicNs. Complete, and not written any more, for who has seen the request's end.
struct IoRequestTimes {
  u64 taken_ns = 0;    // out of its queue
  u64 started_ns = 0;  // its transfer was handed to the path; 0: it never was
  u64 reaped_ns = 0;   // the transfer's last completion was taken; 0: none was, and the request ended without it
  u64 told_ns = 0;     // just before its end was published
};

/// How a service works.
struct IoServiceOptions {
  uint32_t threads = 1;  // each serves every threads-th queue; at most one a queue
  uint32_t depth = 128;  // reads in flight of each thread and path, 1 to kMaxDepth. A queue has at most 64 requests
  /// nullopt: for every source the first path that works, as in IngestOptions. A path that is named is used or the source
  /// refused.
  std::optional<ReadPath> path = std::nullopt;
  bool poll_device = false;                         // see ReadQueueOptions; not for path pread
  bool kernel_thread = false;                       // see ReadQueueOptions; not for path pread
  absl::Duration read_timeout = absl::Seconds(30);  // after it a read is given up, and its request ends as kTimedOut
  /// How long a service that has nothing to do sleeps before it looks at its queues again: what a request of a device that cannot
  /// ring the alarm, a GPU, may wait at first. It sleeps longer the longer it has been idle: a 64th of that time.
  absl::Duration idle_sleep = absl::Microseconds(500);
  absl::Duration longest_idle_sleep = absl::Milliseconds(10);  // see idle_sleep
  /// Makes memory of the destinations' kind to probe paths with: IngestOptions::make_pool. Destinations in anonymous memory are
  /// always possible, those in a device's memory only if this makes such memory.
  BufferPoolMaker make_probe_pool = BufferPool::Create;
  /// Makes what has landed in a device's memory visible there (Device::FlushPeerWrites). Called by the serving threads, once for
  /// all that has landed, before the kernel is told; only after reads into a device's memory. nullptr: nothing is to be done.
  std::function<void()> flush = nullptr;
  ReadQueueMaker open_queue = OpenReadQueue;  // for tests: queues that misbehave
  uint32_t max_sources = 1024;                // at once; at most layout::kMaxBuffers
  uint32_t max_destinations = 16384;          // at once; at most layout::kMaxBuffers
  /// Where the times of each request but fences are noted, at the index that is its tag. A tag past the end is not noted; of
  /// requests with one tag the times of the one that ended last stay. Borrowed while the service runs. Costs four looks at the
  /// clock a request; empty: none.
  absl::Span<IoRequestTimes> request_times = {};

  /// The greatest depth.
  static constexpr uint32_t kMaxDepth = 16384;
};

/// What of a volume requests may reach.
struct IoSourceExtent {
  uint64_t base_bytes = 0;                              // offset 0 of a request is here
  std::optional<uint64_t> length_bytes = std::nullopt;  // nullopt: to the end that the volume had when it was opened
  bool may_read = true;                                 // READ requests are served
  bool may_write = false;                               // WRITE requests are served; the volume was opened for writing
};

/// Equal pieces of a pool's memory, one after the other, each a destination.
struct IoDestinations {
  uint64_t offset_bytes = 0;  // of the first one, in the pool's memory
  uint64_t length_bytes = 0;  // of each
  uint32_t count = 1;         // how many
};

/// Since the service was made. All of them only grow.
struct IoServiceCounts {
  /// What went by one path.
  struct Path {
    uint64_t requests = 0;      // ended
    uint64_t bytes = 0;         // transferred
    uint64_t failed = 0;        // of the requests
    uint64_t resubmitted = 0;   // transfers that were begun again, for the rest or after an error that may pass
    uint64_t bounce_bytes = 0;  // bytes that the CPU copied on the way
    uint64_t commands = 0;      // NVMe commands that were sent
  };

  uint64_t requests = 0;                           // taken from the queues, fences among them
  uint64_t fences = 0;                             // of them, fences
  uint64_t bytes = 0;                              // transferred
  std::array<uint64_t, 16> ended = {};             // by layout::IoCause
  std::array<Path, kReadPaths.size()> paths = {};  // by ReadPath
  uint64_t protocol_errors = 0;  // cells that named a slot that was not published, or in flight already: they were passed over
  uint64_t batches = 0;          // of ends: one store to a bell each
  uint64_t sleeps = 0;           // with nothing in flight
  uint64_t service_ns = 0;       // of all requests together, from when they were taken to their ends
  uint64_t transfer_ns = 0;      // of all reads together, from when they were started to their last completion
};

/// Threads: every function may be called by any thread, before and while the service runs; Start and Stop by one at a time.
class IoService {
 public:
  /// Borrows the queues' memory until it is stopped: at the latest by its destructor.
  /// Errors: InvalidArgument (options, a device without I/O queues); those of make_probe_pool.
  static absl::StatusOr<std::unique_ptr<IoService>> Create(const LiveIoQueues& queues, IoServiceOptions options);
  /// Stops for at most 10 s. What could not be drained then goes on using memory of destinations: Stop first, and look.
  ~IoService();
  IoService(const IoService&) = delete;
  IoService& operator=(const IoService&) = delete;

  // --- what requests may name ---

  /// The handle of an extent of `volume`, which is borrowed until the handle was revoked. Chooses the path: tries a real read,
  /// unless that was done for another volume of the same file system. A path has to take the memory of the destinations that are
  /// registered already, too: with the limit of locked memory in mind register these first, and before Start.
  /// Errors: InvalidArgument (an extent that does not begin and end where the path can, neither rights); OutOfRange (past the
  /// volume's end); FailedPrecondition (no path works); ResourceExhausted (max_sources).
  absl::StatusOr<u32> RegisterSource(const Volume& volume, const IoSourceExtent& extent);

  /// The path that brings the source's bytes into host or device memory. nullopt: none does, or the handle names nothing.
  std::optional<ReadPath> PathOf(u32 source_handle, bool is_device_memory) const;
  /// The paths that were tried before that one, and why they are not used. Empty if the handle names nothing.
  std::vector<Refusal> RefusalsOf(u32 source_handle, bool is_device_memory) const;

  /// The handles of pieces of `pool`, which is borrowed until all of them were revoked. What a request brings lands at the
  /// piece's first byte. Errors: InvalidArgument (not inside one buffer each); FailedPrecondition (a device's memory, and
  /// make_probe_pool makes none); ResourceExhausted (max_destinations; nothing was registered).
  absl::StatusOr<std::vector<u32>> RegisterDestinations(const BufferPool& pool, const IoDestinations& pieces);
  /// One piece.
  absl::StatusOr<u32> RegisterDestination(const BufferPool& pool, uint64_t offset_bytes, uint64_t length_bytes);

  /// Refuses new requests that name the handle, at once, and waits at most `timeout` until nothing of it is in flight and no
  /// thread knows its volume or memory any more. OK: volume or memory may be closed, if no other handle is of it.
  /// Errors: DeadlineExceeded (in use still: call it again); NotFound (names nothing).
  absl::Status RevokeSource(u32 handle, absl::Duration timeout);
  /// The same for a destination.
  absl::Status RevokeDestination(u32 handle, absl::Duration timeout);

  // --- serving ---

  /// Begins to serve: what was requested already, too. May be called again after Stop. Errors: FailedPrecondition (runs, or an
  /// earlier run is not drained; another service has the queues); ResourceExhausted (no thread).
  absl::Status Start();

  /// Tells the kernel, ends what is requested and in flight as kServiceStopped, or as it comes in time, and does not touch the
  /// queues any more. Errors: DeadlineExceeded: transfers did not end within `timeout`. Their requests did, but the memory of
  /// their destinations is in use still, and must not be freed; a Revoke, or another Stop, waits for it.
  absl::Status Stop(absl::Duration timeout);
  /// Between Start and Stop.
  bool running() const;

  /// What it has done so far.
  IoServiceCounts counts() const;
  /// What went wrong that a cause does not tell: paths that were refused, queues that failed. The latest 64 lines.
  std::vector<std::string> log() const;

 private:
  struct State;
  explicit IoService(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;  // shared with the threads: one that cannot be drained outlives the service
};

}  // namespace penstock
