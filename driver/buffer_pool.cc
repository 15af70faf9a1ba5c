// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/buffer_pool.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "driver/anonymous_memory.h"
#include "driver/page_allocator.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr size_t kProbeBytes = size_t{1} << 20;  // at least what ProbePath takes, its pages and the kernel's own use of the pool

absl::Status OutOfMemory(int error_number, const BufferPool::Options& options) {
  if (options.huge_pages.value_or(false)) {
    return MakeErrnoError(absl::StatusCode::kResourceExhausted, error_number,
                          What(absl::StrCat("cannot get huge pages of 2 MiB for ", options.buffer_count, " buffers of ",
                                            options.buffer_bytes, " bytes")),
                          Fix("reserve some (sysctl vm.nr_hugepages), or do not demand them"));
  }
  return MakeErrnoError(
      absl::StatusCode::kResourceExhausted, error_number,
      What(absl::StrCat("cannot get memory for ", options.buffer_count, " buffers of ", options.buffer_bytes, " bytes")),
      Fix("use fewer or smaller buffers, or raise the memory limit (ulimit -v, the container's memory limit)"));
}

absl::Status CheckSizes(const BufferPool::Options& options, size_t& bytes) {
  const bool whole_pages = options.buffer_bytes > 0 && options.buffer_bytes % BufferPool::kAlignment == 0;
  if (!whole_pages) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     What(absl::StrCat("a buffer of ", options.buffer_bytes, " bytes is not a whole number of ",
                                       BufferPool::kAlignment, "-byte pages")),
                     Fix(absl::StrCat("set buffer_bytes to a multiple of ", BufferPool::kAlignment)));
  }
  if (options.buffer_count == 0) {
    return MakeError(absl::StatusCode::kInvalidArgument, What("a pool of 0 buffers"), Fix("set buffer_count to at least 1"));
  }
  if (__builtin_mul_overflow(options.buffer_bytes, options.buffer_count, &bytes) || bytes > SIZE_MAX / 2)
    return OutOfMemory(ENOMEM, options);
  return absl::OkStatus();
}

/// How many of the buffers that were asked for to make where no more than `free_bytes` are left.
uint32_t FittingCount(const BufferPool::Options& options, uint64_t free_bytes) {
  if (options.buffer_count == 1 || free_bytes >= options.buffer_bytes * options.buffer_count + kProbeBytes) {
    return options.buffer_count;
  }
  const uint64_t fitting = (free_bytes - std::min<uint64_t>(free_bytes, kProbeBytes)) / options.buffer_bytes;
  return static_cast<uint32_t>(std::clamp<uint64_t>(fitting, 1, options.buffer_count));
}

/// One piece of a device's memory that several pools lie in.
struct SharedMemory {
  explicit SharedMemory(DeviceMemory all) : memory(std::move(all)), pages(memory.memory.size()) {}

  const DeviceMemory memory;
  driver::PageAllocator pages;
};

absl::StatusOr<DeviceMemory> TakeFrom(const std::shared_ptr<SharedMemory>& shared, size_t bytes) {
  const DeviceMemory& all = shared->memory;
  const std::optional<uint64_t> offset = shared->pages.Take(bytes);
  if (!offset.has_value()) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     What(absl::StrCat("no ", bytes, " bytes in a row are free of the ", all.memory.size(), " of ", all.name)),
                     Fix("use fewer or smaller buffers (a smaller depth, shorter reads), or larger memory"));
  }
  DeviceMemory part{.memory = all.memory.subspan(*offset, bytes), .name = all.name};
  part.owner = {part.memory.data(), [shared, at = *offset](void*) { shared->pages.Return(at); }};
  if (all.device_address.has_value()) part.device_address = *all.device_address + *offset;
  return part;
}

}  // namespace

absl::StatusOr<BufferPool> BufferPool::Create(const Options& options) {
  size_t bytes = 0;
  PENSTOCK_RETURN_IF_ERROR(CheckSizes(options, bytes));
  driver::AnonymousMemory memory = driver::MapAnonymous(bytes, options.huge_pages);
  if (memory.owner == nullptr) return OutOfMemory(memory.error_number, options);
  BufferPool pool;
  pool.base_ = static_cast<std::byte*>(memory.owner.get());
  pool.owner_ = std::move(memory.owner);
  pool.pages_ = memory.pages;
  pool.buffer_bytes_ = options.buffer_bytes;
  pool.buffer_count_ = options.buffer_count;
  return pool;
}

absl::StatusOr<BufferPool> BufferPool::CreateIn(DeviceMemory memory, const Options& options) {
  size_t bytes = 0;
  PENSTOCK_RETURN_IF_ERROR(CheckSizes(options, bytes));
  const bool page_aligned = reinterpret_cast<uintptr_t>(memory.memory.data()) % kAlignment == 0;
  if (!page_aligned || memory.memory.size() < bytes) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat(options.buffer_count, " buffers of ", options.buffer_bytes, " bytes in ", memory.memory.size(),
                          " bytes of ", memory.name, page_aligned ? "" : ", not page-aligned")),
        Fix("map a whole number of pages that holds all the buffers"));
  }
  BufferPool pool;
  pool.base_ = memory.memory.data();
  pool.owner_ = std::move(memory.owner);
  pool.device_address_ = memory.device_address;
  pool.pages_ = Pages::kDevice;
  pool.buffer_bytes_ = options.buffer_bytes;
  pool.buffer_count_ = options.buffer_count;
  return pool;
}

absl::Span<std::byte> BufferPool::buffer(uint32_t index) const {
  PENSTOCK_CHECK(index < buffer_count_);
  return {base_ + buffer_bytes_ * index, buffer_bytes_};
}

BufferPoolMaker PeerMemoryPools(std::string pci_address) {
  return [pci_address = std::move(pci_address)](BufferPool::Options options) -> absl::StatusOr<BufferPool> {
    size_t bytes = 0;
    PENSTOCK_RETURN_IF_ERROR(CheckSizes(options, bytes));
    PENSTOCK_ASSIGN_OR_RETURN(const uint64_t free_bytes, FreePeerMemoryBytes(pci_address));
    options.buffer_count = FittingCount(options, free_bytes);
    PENSTOCK_ASSIGN_OR_RETURN(DeviceMemory memory, MapPeerMemory(pci_address, options.buffer_bytes * options.buffer_count));
    return BufferPool::CreateIn(std::move(memory), options);
  };
}

BufferPoolMaker PoolsIn(DeviceMemory memory) {
  const auto shared = std::make_shared<SharedMemory>(std::move(memory));
  return [shared](BufferPool::Options options) -> absl::StatusOr<BufferPool> {
    size_t bytes = 0;
    PENSTOCK_RETURN_IF_ERROR(CheckSizes(options, bytes));
    options.buffer_count = FittingCount(options, shared->pages.LargestFreeBytes());
    PENSTOCK_ASSIGN_OR_RETURN(DeviceMemory part, TakeFrom(shared, options.buffer_bytes * options.buffer_count));
    return BufferPool::CreateIn(std::move(part), options);
  };
}

}  // namespace penstock
