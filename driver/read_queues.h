// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The three kinds of read queues; OpenReadQueue chooses among them.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "penstock/buffer_pool.h"
#include "penstock/read_paths.h"
#include "penstock/read_queue.h"

namespace penstock::driver {

/// Paths `bar` and `nvme`.
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenNvmeQueue(ReadPath path, const BufferPool& pool, const ReadQueueOptions& options);
/// Path `read`.
absl::StatusOr<std::unique_ptr<ReadQueue>> OpenUringQueue(const BufferPool& pool, const ReadQueueOptions& options);
/// Path `pread`: any memory.
std::unique_ptr<ReadQueue> OpenPreadQueue(const ReadQueueOptions& options);

}  // namespace penstock::driver
