// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The buffers that each of a job's threads reads into.
#pragma once

#include "benchmarks/bench/job.h"
#include "driver/rounding.h"
#include "penstock/buffer_pool.h"

namespace penstock::bench {

/// With a device twice as many as there are reads in flight: while the device has one, the next is read.
inline BufferPool::Options BuffersOf(const Job& job) {
  return {.buffer_bytes = driver::RoundUp(job.max_block_bytes, BufferPool::kAlignment),
          .buffer_count = (job.runner == Runner::kNone ? 1 : 2) * job.iodepth,
          .huge_pages = job.huge_pages};
}

}  // namespace penstock::bench
