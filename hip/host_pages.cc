// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "hip/host_pages.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hip/gpu.h"
#include "hip/gpu_error.h"
#include "hip/gpu_memory.h"
#include "penstock/error.h"
#include "runtime/base/abandoned.h"

namespace penstock::hip {
namespace {

constexpr uintptr_t kPageBytes = 4096;

uintptr_t RoundDown(uintptr_t at) { return at / kPageBytes * kPageBytes; }

int CurrentIndex() {
  int index = 0;
  static_cast<void>(hipGetDevice(&index));
  return index;
}

/// Lets the current GPU read and write the memory of `owner`. Errors: FailedPrecondition.
absl::Status ReachGpu(int owner) {
  const hipError_t error = hipDeviceEnablePeerAccess(owner, 0);
  if (error == hipSuccess) return absl::OkStatus();
  static_cast<void>(hipGetLastError());
  if (error == hipErrorPeerAccessAlreadyEnabled) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrCat("GPU ", CurrentIndex(), " cannot reach the memory of GPU ", owner, ": ", ErrorText(error))),
                   Fix("allocate the buffer on the GPU of the device, or in the host's memory"));
}

/// What the library says of memory that it knows: a GPU's own, or pinned.
std::optional<hipPointerAttribute_t> AttributesOf(const void* memory) {
  hipPointerAttribute_t attributes = {};
  if (hipPointerGetAttributes(&attributes, memory) == hipSuccess) {
    return IsKnown(attributes) ? std::optional(attributes) : std::nullopt;
  }
  static_cast<void>(hipGetLastError());
  return std::nullopt;
}

/// Memory that a GPU may know.
struct Known {
  u64 address = 0;  // where the current GPU finds it; 0: no GPU knows it
  bool is_gpus = false;
};

/// Errors: FailedPrecondition.
absl::StatusOr<Known> FindKnown(const void* memory) {
  std::optional<hipPointerAttribute_t> attributes = AttributesOf(memory);
  if (attributes.has_value() && IsGpus(*attributes) && attributes->device != CurrentIndex()) {
    PENSTOCK_RETURN_IF_ERROR(ReachGpu(attributes->device));
    attributes = AttributesOf(memory);  // Some libraries tell of the address only now.
  }
  if (!attributes.has_value()) return Known{};
  return Known{reinterpret_cast<u64>(attributes->devicePointer), IsGpus(*attributes)};
}

/// Whether all of the host's memory from `begin` to `end` is pinned, of which the last byte is. A GPU that finds it at the host's
/// own addresses shows no gap by these.
bool IsPinned(uintptr_t begin, uintptr_t end) {
  for (uintptr_t at = begin; at < end; at += kPageBytes) {
    if (!AttributesOf(reinterpret_cast<const void*>(at)).has_value()) return false;
  }
  return true;
}

absl::Status InPiecesError(size_t bytes) {
  return MakeError(
      absl::StatusCode::kUnavailable,
      What(absl::StrCat("the GPU sees a buffer of ", bytes, " bytes in several pieces: parts of it were pinned one by one")),
      Fix("allocate each buffer on pages of its own, and pin all of it at once or leave that to the device"));
}

/// Whether the last of `bytes` is where it would be in one piece, by the GPU's addresses. Where it is not, other memory lies
/// between.
bool IsOnePiece(u64 first, u64 last, size_t bytes) { return last - first == bytes - 1; }

}  // namespace

struct PinnedPiece {
  PinnedPiece(uintptr_t begin_address, uintptr_t end_address, int gpu_index)
      : begin(begin_address), end(end_address), gpu(gpu_index) {}
  PinnedPiece(const PinnedPiece&) = delete;
  PinnedPiece& operator=(const PinnedPiece&) = delete;
  ~PinnedPiece();

  const uintptr_t begin;  // first byte
  const uintptr_t end;    // past the last byte
  const int gpu;          // was the current one
};

namespace {

/// All pieces by their first bytes. Whoever makes or drops a piece holds the mutex.
struct PinnedPieces {
  std::mutex mutex;
  std::map<uintptr_t, std::weak_ptr<PinnedPiece>> by_begin;

  /// The piece that a byte is in, or null.
  std::shared_ptr<PinnedPiece> At(uintptr_t byte) const {
    const auto next = by_begin.upper_bound(byte);
    if (next == by_begin.begin()) return nullptr;
    std::shared_ptr<PinnedPiece> piece = std::prev(next)->second.lock();
    return piece->end > byte ? piece : nullptr;
  }

  /// Where the first piece after a byte begins, but at most `end`.
  uintptr_t EndOfGap(uintptr_t byte, uintptr_t end) const {
    const auto next = by_begin.upper_bound(byte);
    return next == by_begin.end() ? end : std::min(end, next->first);
  }
};

PinnedPieces& OfTheProcess() {
  static auto* const pieces = new PinnedPieces;  // outlives every static device
  return *pieces;
}

/// Pins them for all GPUs. Null: the application has. Errors: ResourceExhausted; Unavailable.
absl::StatusOr<std::shared_ptr<PinnedPiece>> Pin(PinnedPieces& pieces, uintptr_t begin, uintptr_t end) {
  const hipError_t error =
      hipHostRegister(reinterpret_cast<void*>(begin), end - begin, hipHostRegisterMapped | hipHostRegisterPortable);
  if (error == hipErrorHostMemoryAlreadyRegistered) {
    static_cast<void>(hipGetLastError());
    return nullptr;
  }
  if (error != hipSuccess) return GpuError(error, absl::StrCat("cannot pin ", end - begin, " bytes of host memory for the GPU"));
  auto piece = std::make_shared<PinnedPiece>(begin, end, CurrentIndex());
  pieces.by_begin[begin] = piece;
  return piece;
}

}  // namespace

PinnedPiece::~PinnedPiece() {
  auto& by_begin = OfTheProcess().by_begin;
  const auto own = by_begin.find(begin);
  if (own == by_begin.end() || !own->second.expired()) return;  // forgotten, and maybe pinned anew
  by_begin.erase(own);
  static_cast<void>(hipHostUnregister(reinterpret_cast<void*>(begin)));
}

HostPages::~HostPages() {
  const std::lock_guard lock(OfTheProcess().mutex);
  used_.clear();
}

void HostPages::Abandon() {
  for (const std::shared_ptr<PinnedPiece>& piece : used_) penstock::Abandon(piece);
  used_.clear();
}

void HostPages::ResetGpu(int gpu) {
  PinnedPieces& pieces = OfTheProcess();
  const std::lock_guard lock(pieces.mutex);  // so that nobody takes for pinned what the reset has unpinned
  Reset(gpu);
  std::erase_if(pieces.by_begin, [gpu](const auto& entry) { return entry.second.lock()->gpu == gpu; });
}

absl::StatusOr<u64> HostPages::Map(absl::Span<std::byte> memory) {
  PinnedPieces& pieces = OfTheProcess();
  const std::lock_guard lock(pieces.mutex);
  const auto first = reinterpret_cast<uintptr_t>(memory.data());
  const uintptr_t past = first + memory.size();
  if (pieces.At(first) == nullptr && pieces.EndOfGap(first, past) == past) {
    PENSTOCK_ASSIGN_OR_RETURN(const Known known, FindKnown(&memory.front()));
    PENSTOCK_ASSIGN_OR_RETURN(const Known last_known, FindKnown(&memory.back()));
    if (known.address != 0 && last_known.address != 0) {
      const bool is_whole = known.is_gpus || IsPinned(first, past);
      if (!is_whole || !IsOnePiece(known.address, last_known.address, memory.size())) return InPiecesError(memory.size());
      return known.address;
    }
  }
  std::set<std::shared_ptr<PinnedPiece>> used;  // until all of it is pinned
  const uintptr_t end = RoundDown(past + kPageBytes - 1);
  for (uintptr_t at = RoundDown(first); at < end;) {
    std::shared_ptr<PinnedPiece> piece = pieces.At(at);
    const uintptr_t until = piece != nullptr ? piece->end : pieces.EndOfGap(at, end);
    if (piece == nullptr) {
      PENSTOCK_ASSIGN_OR_RETURN(piece, Pin(pieces, at, until));
    }
    if (piece == nullptr && !IsPinned(at, until)) return InPiecesError(memory.size());
    if (piece != nullptr) used.insert(std::move(piece));
    at = until;
  }
  PENSTOCK_ASSIGN_OR_RETURN(const u64 address, AddressOnGpu(memory.data()));
  PENSTOCK_ASSIGN_OR_RETURN(const u64 last, AddressOnGpu(memory.data() + memory.size() - 1));
  if (!IsOnePiece(address, last, memory.size())) return InPiecesError(memory.size());
  used_.merge(used);
  return address;
}

}  // namespace penstock::hip
