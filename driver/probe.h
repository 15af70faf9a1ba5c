// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trying a path with memory of its own.
#pragma once

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "penstock/buffer_pool.h"
#include "penstock/read_path.h"
#include "penstock/read_queue.h"
#include "penstock/volume.h"

namespace penstock::driver {

/// ProbeRead into the first buffer of `pool`, the queue's. A pool whose read took too long is never freed: the read may still be
/// under way, and the next pool in the same piece of a device's memory would get what it brings. Threads: uses the queue, like
/// Wait.
std::optional<Refusal> ProbeOwnPool(ReadQueue& queue, const Volume& volume, std::shared_ptr<const BufferPool> pool,
                                    absl::Duration timeout = absl::Seconds(10));

}  // namespace penstock::driver
