// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/gpu_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "hip/gpu_error.h"
#include "penstock/error.h"

namespace penstock::hip {
namespace {

constexpr uintptr_t kPageBytes = 4096;

uintptr_t RoundDown(uintptr_t at) { return at / kPageBytes * kPageBytes; }

/// The GPU's address of the first of `bytes`, if the last one is where it would be in one piece. Where it is not, other memory
/// lies between.
absl::StatusOr<u64> OnePiece(u64 first, u64 last, size_t bytes) {
  if (last - first == bytes - 1) return first;
  return MakeError(
      absl::StatusCode::kUnavailable,
      What(absl::StrCat("the GPU sees a buffer of ", bytes, " bytes in several pieces: parts of it were pinned one by one")),
      Fix("allocate each buffer on pages of its own, and pin all of it at once or leave that to the device"));
}

}  // namespace

absl::StatusOr<PinnedMemory> AllocatePinned(u64 bytes) {
  void* memory = nullptr;
  const hipError_t error = hipHostMalloc(&memory, bytes, hipHostMallocCoherent | hipHostMallocMapped);
  if (error != hipSuccess) return GpuError(error, absl::StrCat("cannot pin ", bytes, " bytes of host memory"));
  std::memset(memory, 0, bytes);
  return PinnedMemory(static_cast<std::byte*>(memory));
}

absl::StatusOr<GpuMemory> AllocateOnGpu(u64 bytes) {
  void* memory = nullptr;
  const hipError_t error = hipMalloc(&memory, bytes);
  if (error != hipSuccess) return GpuError(error, absl::StrCat("cannot get ", bytes, " bytes of the GPU's memory"));
  return GpuMemory(static_cast<std::byte*>(memory));
}

absl::StatusOr<u64> AddressOnGpu(const void* pinned) {
  void* address = nullptr;
  const hipError_t error = hipHostGetDevicePointer(&address, const_cast<void*>(pinned), 0);
  if (error != hipSuccess) return GpuError(error, "host memory cannot be reached from the GPU");
  return reinterpret_cast<u64>(address);
}

HostPages::~HostPages() {
  for (const auto& [begin, end] : pieces_) static_cast<void>(hipHostUnregister(reinterpret_cast<void*>(begin)));
}

bool HostPages::IsOurs(const void* byte) const {
  const auto next = pieces_.upper_bound(reinterpret_cast<uintptr_t>(byte));
  return next != pieces_.begin() && std::prev(next)->second > reinterpret_cast<uintptr_t>(byte);
}

absl::Status HostPages::Register(uintptr_t begin, uintptr_t end) {
  const hipError_t error = hipHostRegister(reinterpret_cast<void*>(begin), end - begin, hipHostRegisterMapped);
  if (error == hipSuccess) {
    pieces_.emplace(begin, end);
    return absl::OkStatus();
  }
  if (error == hipErrorHostMemoryAlreadyRegistered) {  // by the application
    static_cast<void>(hipGetLastError());
    return absl::OkStatus();
  }
  return GpuError(error, absl::StrCat("cannot pin ", end - begin, " bytes of host memory for the GPU"));
}

absl::StatusOr<u64> HostPages::Map(absl::Span<std::byte> memory) {
  if (!IsOurs(&memory.front()) && !IsOurs(&memory.back())) {
    const auto known = reinterpret_cast<u64>(KnownAddress(&memory.front()));
    const auto last_known = reinterpret_cast<u64>(KnownAddress(&memory.back()));
    if (known != 0 && last_known != 0) return OnePiece(known, last_known, memory.size());
  }
  const auto first = reinterpret_cast<uintptr_t>(memory.data());
  const uintptr_t end = RoundDown(first + memory.size() + kPageBytes - 1);
  for (uintptr_t at = RoundDown(first); at < end;) {
    auto next = pieces_.upper_bound(at);
    if (next != pieces_.begin() && std::prev(next)->second > at) {
      at = std::prev(next)->second;  // registered for another buffer
      continue;
    }
    const uintptr_t until = next == pieces_.end() ? end : std::min(end, next->first);
    PENSTOCK_RETURN_IF_ERROR(Register(at, until));
    at = until;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const u64 address, AddressOnGpu(memory.data()));
  PENSTOCK_ASSIGN_OR_RETURN(const u64 last, AddressOnGpu(memory.data() + memory.size() - 1));
  return OnePiece(address, last, memory.size());
}

}  // namespace penstock::hip
