// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/read_paths.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "driver/read_queues.h"
#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock {
namespace {

// A ring holds twice as many requests (each read and its cancellation), and the kernel's limit is 32768.
constexpr uint32_t kMaxDepth = 16384;
constexpr absl::Duration kCloseTimeout = absl::Seconds(1);

/// Each passthrough path is for one kind of memory, so that its name tells where the bytes land.
absl::Status CheckMemory(ReadPath path, const BufferPool& pool) {
  if (path == ReadPath::kBar && !pool.is_device_memory()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What("path bar reads into memory of a device, and the buffers are host memory"),
                     Fix("give buffers in a device's memory (--buffer=window, --buffer=p2pmem:ADDRESS), or use path nvme"));
  }
  return absl::OkStatus();
}

}  // namespace

void driver::TakeWhatIsInFlight(ReadQueue& queue, const uint32_t& in_flight) {
  const uint64_t deadline_ns = MonotonicNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(kCloseTimeout));
  RawCompletion completions[16];
  for (uint64_t now_ns = MonotonicNs(); in_flight > 0 && now_ns < deadline_ns; now_ns = MonotonicNs()) {
    if (!queue.Wait(absl::MakeSpan(completions), absl::Nanoseconds(deadline_ns - now_ns)).ok()) return;
  }
}

uint32_t PreadThreads(uint32_t depth) { return std::min(depth, std::max(2u, std::thread::hardware_concurrency())); }

absl::StatusOr<std::unique_ptr<ReadQueue>> OpenReadQueue(ReadPath path, const BufferPool& pool, const ReadQueueOptions& options) {
  if (options.depth == 0 || options.depth > kMaxDepth) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("a queue depth of ", options.depth, " is not in 1..", kMaxDepth)),
                     Fix(absl::StrCat("set depth to at most ", kMaxDepth)));
  }
  PENSTOCK_RETURN_IF_ERROR(CheckMemory(path, pool));
  switch (path) {
    case ReadPath::kBar:
    case ReadPath::kNvme: return driver::OpenNvmeQueue(path, pool, options);
    case ReadPath::kRead: return driver::OpenUringQueue(pool, options);
    case ReadPath::kPread: break;
  }
  return driver::OpenPreadQueue(options);
}

std::vector<ReadPath> AutomaticPaths(const Volume& volume, bool is_device_memory) {
  std::vector<ReadPath> paths = {ReadPath::kRead, ReadPath::kPread};
  if (volume.is_nvme()) paths.insert(paths.begin(), is_device_memory ? ReadPath::kBar : ReadPath::kNvme);
  return paths;
}

}  // namespace penstock
