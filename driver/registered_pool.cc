// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/registered_pool.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/rounding.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

// The kernel's limits: of a region, and of regions.
constexpr size_t kMaxRegionBytes = size_t{1} << 30;
constexpr size_t kMaxRegions = 16384;

constexpr size_t kCommandRegionBytes = size_t{256} << 10;

}  // namespace

size_t CommandRegionBytes(const BufferPool::Options& options) {
  const size_t fewest_bytes = RoundUp(options.buffer_bytes * options.buffer_count, kMaxRegions) / kMaxRegions;
  size_t bytes = kCommandRegionBytes / options.buffer_bytes * options.buffer_bytes;
  if (options.buffer_bytes > kCommandRegionBytes) {
    const size_t parts = RoundUp(options.buffer_bytes, kCommandRegionBytes) / kCommandRegionBytes;
    bytes = options.buffer_bytes / parts;
  }
  return RoundUp(std::max(bytes, fewest_bytes), BufferPool::kAlignment);
}

absl::StatusOr<RegisteredPool> RegisteredPool::Register(Uring& uring, const BufferPool& pool, size_t region_bytes) {
  std::vector<absl::Span<std::byte>> regions;
  for (size_t at = 0; at < pool.memory().size(); at += region_bytes) regions.push_back(pool.memory().subspan(at, region_bytes));
  PENSTOCK_RETURN_IF_ERROR(uring.RegisterMemory(regions));
  return RegisteredPool(pool.memory().data(), region_bytes);
}

absl::StatusOr<RegisteredPool> RegisteredPool::Register(Uring& uring, const BufferPool& pool) {
  if (pool.buffer_bytes() > kMaxRegionBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("a buffer of ", pool.buffer_bytes(), " bytes is more than io_uring can register (1 GiB)")),
                     Fix("use buffers of at most 1 GiB"));
  }
  return Register(uring, pool, kMaxRegionBytes / pool.buffer_bytes() * pool.buffer_bytes());
}

absl::StatusOr<RegisteredPool> RegisteredPool::RegisterForCommands(Uring& uring, const BufferPool& pool) {
  return Register(uring, pool, CommandRegionBytes({pool.buffer_bytes(), pool.buffer_count()}));
}

}  // namespace penstock::driver
