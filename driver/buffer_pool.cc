// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/buffer_pool.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;
constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

size_t RoundUpToHugePage(size_t bytes) { return (bytes + kHugePageBytes - 1) & ~(kHugePageBytes - 1); }

/// 0 or an errno. Asking the kernel is safer than touching: where a huge page cannot be had, touching ends in SIGBUS.
int FaultIn(std::byte* base, size_t bytes) {
  if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0) return 0;
  if (errno != EINVAL) return errno;
  for (size_t at = 0; at < bytes; at += BufferPool::kAlignment) {  // Kernels before 5.14.
    const_cast<volatile std::byte&>(base[at]) = std::byte{0};
  }
  return 0;
}

/// Null when the administrator has reserved too few huge pages.
std::byte* MapExplicitHuge(size_t bytes) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kAnonymous | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0) return static_cast<std::byte*>(base);
  munmap(base, bytes);
  return nullptr;
}

/// Null with errno set on failure. Starts on a huge page's boundary: an unaligned mapping loses its first and last one.
std::byte* MapAligned(size_t bytes) {
  void* wide = mmap(nullptr, bytes + kHugePageBytes, PROT_READ | PROT_WRITE, kAnonymous, -1, 0);
  if (wide == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(wide);
  const size_t lead = RoundUpToHugePage(reinterpret_cast<uintptr_t>(begin)) - reinterpret_cast<uintptr_t>(begin);
  if (lead > 0) munmap(begin, lead);
  if (lead < kHugePageBytes) munmap(begin + lead + bytes, kHugePageBytes - lead);
  return begin + lead;
}

absl::Status OutOfMemory(int error_number, const BufferPool::Options& options) {
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

}  // namespace

absl::StatusOr<BufferPool> BufferPool::Create(const Options& options) {
  size_t bytes = 0;
  PENSTOCK_RETURN_IF_ERROR(CheckSizes(options, bytes));
  BufferPool pool;
  pool.buffer_bytes_ = options.buffer_bytes;
  pool.buffer_count_ = options.buffer_count;
  pool.mapped_bytes_ = bytes < kHugePageBytes ? bytes : RoundUpToHugePage(bytes);
  if (bytes >= kHugePageBytes) {
    pool.pages_ = Pages::kExplicitHuge;
    pool.base_ = MapExplicitHuge(pool.mapped_bytes_);
    if (pool.base_ != nullptr) return pool;
  }
  pool.pages_ = Pages::kSmall;
  pool.base_ = MapAligned(pool.mapped_bytes_);
  if (pool.base_ == nullptr) return OutOfMemory(errno, options);
  if (bytes >= kHugePageBytes && madvise(pool.base_, pool.mapped_bytes_, MADV_HUGEPAGE) == 0)
    pool.pages_ = Pages::kTransparentHuge;
  if (const int error = FaultIn(pool.base_, pool.mapped_bytes_); error != 0) return OutOfMemory(error, options);
  return pool;
}

BufferPool::BufferPool(BufferPool&& other) noexcept { *this = std::move(other); }

BufferPool& BufferPool::operator=(BufferPool&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(buffer_bytes_, other.buffer_bytes_);
  std::swap(buffer_count_, other.buffer_count_);
  std::swap(pages_, other.pages_);
  return *this;
}

BufferPool::~BufferPool() {
  if (base_ != nullptr) munmap(base_, mapped_bytes_);
}

absl::Span<std::byte> BufferPool::buffer(uint32_t index) const {
  PENSTOCK_CHECK(index < buffer_count_);
  return {base_ + buffer_bytes_ * index, buffer_bytes_};
}

}  // namespace penstock
