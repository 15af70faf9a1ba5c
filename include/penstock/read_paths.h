// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening the paths of a host, and finding out which one a volume can use.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/export.h"
#include "penstock/read_path.h"
#include "penstock/read_queue.h"
#include "penstock/volume.h"

namespace PENSTOCK_API penstock {

/// Threads that are worth having for `depth` preads: as many as can run, and two at least so that one can wait for the disk.
uint32_t PreadThreads(uint32_t depth);

/// How a path's queue works.
struct ReadQueueOptions {
  uint32_t depth = 32;         // reads in flight
  uint32_t thread_count = 0;   // pread: threads that read, at most `depth`; 0: PreadThreads(depth)
  bool poll_device = false;    // bar, nvme, read: completions are polled for (IOPOLL); costs a processor, saves the interrupt
  bool kernel_thread = false;  // bar, nvme, read: a kernel thread submits (SQPOLL)
  bool is_random = false;      // pread: the kernel is told not to read ahead
  uint32_t wait_count = 1;     // reads that a Wait waits for, or all that are in flight; where reads are several commands: one
};

/// Opens a path for reads into `pool`, which outlives the queue. A read stays inside one buffer of it.
///
///   bar    io_uring passthrough, for volumes that are NVMe namespaces. The buffers' pages are pinned for each command.
///   nvme   the same, with the pool's memory registered once.
///   read   io_uring reads with O_DIRECT. The pool's memory is registered once, unless it is a device's, which cannot be.
///   pread  threads that call pread. Always works. Destroying it waits for the preads that are running.
///
/// Threads: any until the first Submit or Wait; from then on the thread that made it.
/// Errors, errno attached: Unavailable (io_uring is not there, switched off or too old), ResourceExhausted (locked-memory limit,
/// open files, threads), FailedPrecondition (the memory is not of the kind that the path reads into), InvalidArgument (depth not
/// in 1..16384, buffers above 1 GiB).
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenReadQueue(ReadPath path, const BufferPool& pool, const ReadQueueOptions& options);

/// Tries `queue` on `volume` for real: reads its first blocks into `scratch` (memory of the queue's pool, at least 4096 bytes,
/// overwritten with a poison first) and compares every byte with what another way of reading brings. nullopt: works. An empty
/// volume works. A path that reports success and delivers other bytes is refused like any other; so is one that takes longer than
/// `timeout`, and may still write to `scratch` after that. Requires: nothing else in flight on the queue. Threads: uses the
/// queue, like Wait. Cost: two reads.
std::optional<Refusal> ProbeRead(ReadQueue& queue, const Volume& volume, absl::Span<std::byte> scratch,
                                 absl::Duration timeout = absl::Seconds(10));

/// Whether `path` can bring bytes of `volume` into memory of the kind that `make_pool` makes: ProbeRead on a queue and a small
/// pool of its own, so that a run's own reads may be in flight meanwhile. The pool is never freed if its read takes longer than
/// that. nullopt: works. Threads: any.
std::optional<Refusal> ProbePath(ReadPath path, const Volume& volume, const BufferPoolMaker& make_pool,
                                 ReadQueueOptions options = {});

/// The paths that --path=auto tries on `volume`, in this order, for buffers in a device's memory or in the host's. Passthrough is
/// for whole NVMe namespaces, and its name tells the kind of memory; the others are for everything. Threads: any.
std::vector<ReadPath> AutomaticPaths(const Volume& volume, bool is_device_memory);

}  // namespace penstock
