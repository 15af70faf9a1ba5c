// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/read_once.h"

#include "absl/strings/str_cat.h"
#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

absl::StatusOr<ChunkResult> ReadAttached(ReadQueue& queue, const ChunkRead& read, absl::Duration timeout) {
  Reader reader(queue, {.depth = 1, .read_timeout = timeout});
  PENSTOCK_RETURN_IF_ERROR(reader.Start(read));
  const uint64_t begin_ns = MonotonicNs();
  ChunkResult result;
  while (absl::Nanoseconds(MonotonicNs() - begin_ns) < 2 * timeout) {
    PENSTOCK_ASSIGN_OR_RETURN(const size_t finished, reader.Wait(absl::MakeSpan(&result, 1), timeout));
    if (finished == 0) continue;
    if (!result.status.ok()) return result.status;
    return result;
  }
  return MakeError(absl::StatusCode::kDeadlineExceeded,
                   What(absl::StrCat("a read of ", read.volume->name(), " neither completed nor could be cancelled")),
                   Fix("look in the kernel log (dmesg) for the device, and do not use this queue and its memory again"));
}

}  // namespace

absl::StatusOr<ChunkResult> ReadOnce(ReadQueue& queue, const ChunkRead& read, absl::Duration timeout) {
  queue.Attach(*read.volume);
  absl::StatusOr<ChunkResult> result = ReadAttached(queue, read, timeout);
  queue.Detach(*read.volume);
  return result;
}

void PushWrites(absl::Span<const std::byte> memory) {
  __sync_synchronize();  // empties the buffers in which the CPU collects writes
  static_cast<void>(*static_cast<const volatile std::byte*>(&memory.back()));
}

}  // namespace penstock::driver
