// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/anonymous_memory.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>

namespace penstock::driver {
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

std::shared_ptr<void> Own(std::byte* base, size_t bytes) {
  return {base, [bytes](void* mapped) { munmap(mapped, bytes); }};
}

AnonymousMemory MapSmall(size_t bytes) {
  std::byte* const base = MapAligned(bytes);
  if (base == nullptr) return {.owner = nullptr, .error_number = errno};
  std::shared_ptr<void> owner = Own(base, bytes);
  madvise(base, bytes, MADV_NOHUGEPAGE);  // A kernel without huge pages refuses it, and has none to keep out.
  if (const int error = FaultIn(base, bytes); error != 0) return {.owner = nullptr, .error_number = error};
  return {.owner = std::move(owner), .pages = BufferPool::Pages::kSmall};
}

}  // namespace

AnonymousMemory MapAnonymous(size_t bytes, std::optional<bool> huge_pages) {
  using Pages = BufferPool::Pages;
  if (!huge_pages.value_or(bytes >= kHugePageBytes)) return MapSmall(bytes);
  const size_t mapped_bytes = RoundUpToHugePage(bytes);
  if (std::byte* const huge = MapExplicitHuge(mapped_bytes); huge != nullptr) {
    return {.owner = Own(huge, mapped_bytes), .pages = Pages::kExplicitHuge};
  }
  if (huge_pages.has_value()) return {.owner = nullptr, .error_number = ENOMEM};
  std::byte* const base = MapAligned(mapped_bytes);
  if (base == nullptr) return {.owner = nullptr, .error_number = errno};
  std::shared_ptr<void> owner = Own(base, mapped_bytes);
  const bool huge = madvise(base, mapped_bytes, MADV_HUGEPAGE) == 0;
  if (const int error = FaultIn(base, mapped_bytes); error != 0) return {.owner = nullptr, .error_number = error};
  return {.owner = std::move(owner), .pages = huge ? Pages::kTransparentHuge : Pages::kSmall};
}

}  // namespace penstock::driver
