// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/registered_pool.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

// The kernel's limit for one registered buffer.
constexpr size_t kMaxRegionBytes = size_t{1} << 30;

}  // namespace

absl::StatusOr<RegisteredPool> RegisteredPool::Register(Uring& uring, const BufferPool& pool) {
  if (pool.buffer_bytes() > kMaxRegionBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("a buffer of ", pool.buffer_bytes(), " bytes is more than io_uring can register (1 GiB)")),
                     Fix("use buffers of at most 1 GiB"));
  }
  // No buffer lies across two regions, so every read is inside one.
  const size_t region_bytes = kMaxRegionBytes / pool.buffer_bytes() * pool.buffer_bytes();
  std::vector<absl::Span<std::byte>> regions;
  for (size_t at = 0; at < pool.memory().size(); at += region_bytes) regions.push_back(pool.memory().subspan(at, region_bytes));
  PENSTOCK_RETURN_IF_ERROR(uring.RegisterMemory(regions));
  return RegisteredPool(pool.memory().data(), region_bytes);
}

}  // namespace penstock::driver
