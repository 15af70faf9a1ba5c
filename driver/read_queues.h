// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The three kinds of read queues; OpenReadQueue chooses among them.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "penstock/read_queue.h"

namespace penstock::driver {

/// The end of a queue whose reads have been cancelled: takes completions until `in_flight`, which Wait counts down, is 0, for 1 s
/// at most. Whoever started reads drains them first, and keeps their memory where that went wrong. The kernel holds the pages of
/// reads that outlast it until they are done, but not their place in a window, which a next pool would get.
void TakeWhatIsInFlight(ReadQueue& queue, const uint32_t& in_flight);

/// Paths `bar` and `nvme`.
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenNvmeQueue(ReadPath path, const BufferPool& pool, const ReadQueueOptions& options);
/// Path `read`.
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenUringQueue(const BufferPool& pool, const ReadQueueOptions& options);
/// Path `pread`: any memory.
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenPreadQueue(const ReadQueueOptions& options);

}  // namespace penstock::driver
