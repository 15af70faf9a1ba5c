// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/emu/shared_arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include "penstock/check.h"

namespace penstock {
namespace {

// Far from where the kernel puts things by itself, so that the other process has room there as well.
constexpr u64 kAddress = 0x2000'0000'0000;
constexpr size_t kPageBytes = 4096;

}  // namespace

SharedArena::SharedArena() : file_(memfd_create("emulated_memory", 0)) {
  PENSTOCK_CHECK(file_ >= 0 && ftruncate(file_, kBytes) == 0);
  void* const wanted = reinterpret_cast<void*>(kAddress);
  void* const got = mmap(wanted, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, file_, 0);
  PENSTOCK_CHECK(got == wanted);
  memory_ = static_cast<std::byte*>(got);
}

SharedArena::~SharedArena() {
  munmap(memory_, kBytes);
  close(file_);
}

absl::Span<std::byte> SharedArena::Allocate(size_t bytes) {
  const absl::Span<std::byte> memory(memory_ + used_, bytes);
  used_ += (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  PENSTOCK_CHECK(used_ <= kBytes);
  return memory;
}

void SharedArena::Clear() {
  PENSTOCK_CHECK(madvise(memory_, kBytes, MADV_REMOVE) == 0);
  used_ = 0;
}

bool SharedArena::Contains(absl::Span<const std::byte> bytes) const {
  return bytes.data() >= memory_ && bytes.data() + bytes.size() <= memory_ + kBytes;
}

}  // namespace penstock
