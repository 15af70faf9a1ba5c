// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/probe.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/nvme_ioctl.h"
#include "driver/read_once.h"
#include "driver/rounding.h"
#include "penstock/check.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "penstock/reader.h"
#include "runtime/base/abandoned.h"

namespace penstock {
namespace {

using driver::kPageBytes;
using driver::RoundUp;

constexpr size_t kProbeBytes = 4 * kPageBytes;  // several pages: what works for one may not for two
constexpr size_t kProbePoolBytes = 64 * 1024;
constexpr char kReportIt[] = "use path pread, and report the file system, driver and kernel";

/// What a read of the first bytes of the volume should bring, by another way than `path`; fewer than `bytes` where it is shorter.
absl::StatusOr<std::vector<std::byte>> Expected(const Volume& volume, ReadPath path, size_t bytes) {
  const ReadPath plain = path != ReadPath::kRead && volume.Supports(ReadPath::kRead) ? ReadPath::kRead : ReadPath::kPread;
  // `path` may read smaller pieces than the other one can.
  const size_t whole_bytes =
      RoundUp(std::min<uint64_t>(bytes, volume.size_bytes()), volume.support(plain).offset_alignment_bytes);
  const std::unique_ptr<std::byte, decltype(&std::free)> aligned(
      static_cast<std::byte*>(std::aligned_alloc(kPageBytes, RoundUp(whole_bytes, kPageBytes))), &std::free);
  PENSTOCK_CHECK(aligned != nullptr);
  if (!volume.Supports(plain)) {  // Only the namespace's character node: the synchronous passthrough, into ordinary memory.
    const driver::NvmeNode node{volume.support(ReadPath::kNvme).fd, volume.name()};
    PENSTOCK_RETURN_IF_ERROR(driver::ReadBlocks(node, *volume.nvme(), 0, {aligned.get(), whole_bytes}));
    return std::vector<std::byte>(aligned.get(), aligned.get() + whole_bytes);
  }
  ssize_t result = -1;
  do result = pread(volume.support(plain).fd, aligned.get(), whole_bytes, 0);
  while (result < 0 && errno == EINTR);
  if (result < 0) {
    return MakeErrnoError(absl::StatusCode::kDataLoss, errno, What(absl::StrCat("a plain read of ", volume.name(), " failed")),
                          Fix("look in the kernel log (dmesg) for the device"));
  }
  return std::vector<std::byte>(aligned.get(), aligned.get() + std::min<size_t>(bytes, static_cast<size_t>(result)));
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
  const size_t block_bytes =
      std::max<size_t>(std::min(kProbeBytes, scratch.size()), volume.support(queue.path()).offset_alignment_bytes);
  if (scratch.size() < block_bytes) {
    return MakeError(
        absl::StatusCode::kInvalidArgument,
        What(absl::StrCat("a block of ", volume.name(), " has ", block_bytes, " bytes, a buffer only ", scratch.size())),
        Fix(absl::StrCat("use buffers of at least ", block_bytes, " bytes")));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<std::byte> expected, Expected(volume, queue.path(), block_bytes));
  if (expected.empty()) return absl::OkStatus();
  // The poison differs from what is expected in every byte, so that no byte can be right by chance.
  std::fill(scratch.begin(), scratch.end(), std::byte{0});
  std::transform(expected.begin(), expected.end(), scratch.begin(), [](std::byte byte) { return ~byte; });
  driver::PushWrites(scratch);
  const absl::StatusOr<ChunkResult> result = driver::ReadOnce(
      queue, {.volume = &volume, .length_bytes = static_cast<uint32_t>(block_bytes), .destination = scratch}, timeout);
  PENSTOCK_RETURN_IF_ERROR(result.status());
  return Compare(volume, expected, scratch.first(result->bytes));
}

}  // namespace

std::optional<Refusal> ProbeRead(ReadQueue& queue, const Volume& volume, absl::Span<std::byte> scratch, absl::Duration timeout) {
  PENSTOCK_CHECK(scratch.size() >= kPageBytes);
  if (!volume.Supports(queue.path())) return volume.support(queue.path()).refusal;
  const absl::Status status = Probe(queue, volume, scratch, timeout);
  if (status.ok()) return std::nullopt;
  return RefusalOf(queue.path(), status);
}

std::optional<Refusal> driver::ProbeOwnPool(ReadQueue& queue, const Volume& volume, std::shared_ptr<const BufferPool> pool,
                                            absl::Duration timeout) {
  if (!volume.Supports(queue.path())) return volume.support(queue.path()).refusal;
  const absl::Status status = Probe(queue, volume, pool->buffer(0), timeout);
  if (status.ok()) return std::nullopt;
  if (status.code() == absl::StatusCode::kDeadlineExceeded) Abandon(std::move(pool));
  return RefusalOf(queue.path(), status);
}

std::optional<Refusal> ProbePath(ReadPath path, const Volume& volume, const BufferPoolMaker& make_pool,
                                 ReadQueueOptions options) {
  if (!volume.Supports(path)) return volume.support(path).refusal;
  if (options.poll_device && path != ReadPath::kPread && volume.nvme() != nullptr &&
      volume.nvme()->controller.poll_queue_count == 0) {
    return Refusal{path, absl::StrCat("controller ", volume.nvme()->controller.name, " has no queues that can be polled"),
                   "load the nvme module with poll_queues=N (nvme.poll_queues=N on the kernel's command line), or do not poll"};
  }
  const size_t pool_bytes = std::max<size_t>(kProbePoolBytes, volume.support(path).offset_alignment_bytes);
  absl::StatusOr<BufferPool> made = make_pool({.buffer_bytes = pool_bytes, .buffer_count = 1});
  if (!made.ok()) return RefusalOf(path, made.status());
  const auto pool = std::make_shared<const BufferPool>(*std::move(made));
  options.depth = 1;
  const absl::StatusOr<std::unique_ptr<ReadQueue>> queue = OpenReadQueue(path, *pool, options);
  if (!queue.ok()) return RefusalOf(path, queue.status());
  return driver::ProbeOwnPool(**queue, volume, pool);
}

}  // namespace penstock
