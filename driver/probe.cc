// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"

namespace penstock {
namespace {

constexpr size_t kProbeBytes = 4096;
constexpr char kReportIt[] = "use --path=pread, and report the file system, driver and kernel";

/// The bytes at the start of the volume as pread sees them; fewer than `bytes` where the volume is shorter.
absl::StatusOr<std::vector<std::byte>> Expected(const Volume& volume, size_t bytes) {
  std::vector<std::byte> expected(bytes);
  ssize_t result = -1;
  do result = pread(volume.buffered_fd(), expected.data(), bytes, 0);
  while (result < 0 && errno == EINTR);
  if (result < 0) {
    return MakeErrnoError(absl::StatusCode::kDataLoss, errno, What(absl::StrCat("a plain read of ", volume.name(), " failed")),
                          Fix("look in the kernel log (dmesg) for the device"));
  }
  expected.resize(static_cast<size_t>(result));
  return expected;
}

/// One chunk read from start to end. Errors: those of Reader, and DeadlineExceeded when not even cancelling it helped.
absl::StatusOr<ChunkResult> ReadOnce(ReadQueue& queue, const ChunkRead& read, absl::Duration timeout) {
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

absl::Status Compare(const Volume& volume, absl::Span<const std::byte> expected, absl::Span<const std::byte> seen) {
  if (seen.size() != expected.size()) {
    return MakeError(
        absl::StatusCode::kDataLoss,
        What(absl::StrCat(volume.name(), ": it delivered ", seen.size(), " bytes where a plain read delivers ", expected.size())),
        Fix(kReportIt));
  }
  const auto differs = std::mismatch(seen.begin(), seen.end(), expected.begin());
  if (differs.first == seen.end()) return absl::OkStatus();
  size_t untouched = 0;
  for (size_t i = 0; i < seen.size(); ++i) untouched += seen[i] == ~expected[i];
  return MakeError(
      absl::StatusCode::kDataLoss,
      What(absl::StrCat(volume.name(), ": it reported success and delivered wrong bytes, the first at offset ",
                        differs.first - seen.begin(), "; ", untouched, " of ", seen.size(), " were not written at all")),
      Fix(kReportIt));
}

absl::Status Probe(ReadQueue& queue, const Volume& volume, absl::Span<std::byte> scratch, absl::Duration timeout) {
  const size_t block_bytes = std::max<size_t>(kProbeBytes, volume.offset_alignment_bytes());
  if (scratch.size() < block_bytes) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat("a block of ", volume.name(), " has ", block_bytes, " bytes, a buffer only ", scratch.size())),
        Fix(absl::StrCat("use buffers of at least ", block_bytes, " bytes")));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::byte> expected, Expected(volume, block_bytes));
  if (expected.empty()) return absl::OkStatus();
  // The poison differs from what is expected in every byte, so that no byte can be right by chance.
  std::fill(scratch.begin(), scratch.end(), std::byte{0});
  std::transform(expected.begin(), expected.end(), scratch.begin(), [](std::byte byte) { return ~byte; });
  queue.Attach(volume);
  const absl::StatusOr<ChunkResult> result =
      ReadOnce(queue, {.volume = &volume, .length_bytes = static_cast<uint32_t>(block_bytes), .destination = scratch}, timeout);
  queue.Detach(volume);
  PENSTOCK_RETURN_IF_ERROR(result.status());
  return Compare(volume, expected, scratch.first(result->bytes));
}

}  // namespace

std::optional<Refusal> ProbeRead(ReadQueue& queue, const Volume& volume, absl::Span<std::byte> scratch, absl::Duration timeout) {
  PENSTOCK_CHECK(scratch.size() >= kProbeBytes);
  if (queue.path() == ReadPath::kRead && volume.direct_fd() < 0) return volume.direct_refusal();
  const absl::Status status = Probe(queue, volume, scratch, timeout);
  if (status.ok()) return std::nullopt;
  return Refusal{queue.path(), CauseOf(status), RemedyOf(status)};
}

}  // namespace penstock
