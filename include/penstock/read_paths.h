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
#include "penstock/read_path.h"
#include "penstock/read_queue.h"
#include "penstock/volume.h"

namespace penstock {

/// io_uring with registered buffers and, where the kernel has them, registered files, SINGLE_ISSUER and DEFER_TASKRUN.
/// The memory of `pool` is registered and outlives the queue; a read stays inside one buffer of it.
/// Threads: any until the first Submit or Wait; from then on the thread that made it.
/// Errors, errno attached: Unavailable (io_uring is not there, or switched off), ResourceExhausted (locked-memory limit, open
/// files), InvalidArgument (depth not in 1..16384, buffers above 1 GiB).
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenUringReadQueue(const BufferPool& pool, uint32_t depth);

/// Threads that call pread, any offset and any memory. `thread_count` of them at most `depth`. Always works.
/// Destroying it waits for the preads that are running.
std::unique_ptr<ReadQueue> OpenPreadQueue(uint32_t depth, uint32_t thread_count);

/// Tries `queue` on `volume` for real: reads its first block into `scratch` (memory of the queue's pool, at least 4096 bytes,
/// overwritten with a poison first) and compares every byte with a plain pread. nullopt: works. An empty volume works.
/// A path that reports success and delivers other bytes is refused like any other; so is one that takes longer than `timeout`.
/// Requires: nothing else in flight on the queue. Threads: uses the queue, like Wait. Cost: two reads.
std::optional<Refusal> ProbeRead(ReadQueue& queue, const Volume& volume, absl::Span<std::byte> scratch,
                                 absl::Duration timeout = absl::Seconds(10));

}  // namespace penstock
