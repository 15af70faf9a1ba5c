// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/ingest.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "runtime/abandoned.h"
#include "runtime/source_feed.h"
#include "runtime/source_inlets.h"

namespace penstock {
namespace {

constexpr absl::Duration kStopTimeout = absl::Seconds(10);

absl::Status CheckOptions(const IngestOptions& options) {
  if (options.chunk_bytes == 0 || options.chunk_bytes % BufferPool::kAlignment != 0 ||
      options.chunk_bytes > IngestOptions::kMaxChunkBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("a chunk of ", options.chunk_bytes, " bytes")),
                     Fix("use a multiple of 4 KiB, at most 256 MiB"));
  }
  if (options.depth == 0 || options.depth > IngestOptions::kMaxDepth) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("a depth of ", options.depth)),
                     Fix(absl::StrCat("use a depth of 1 to ", IngestOptions::kMaxDepth)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<uint32_t>>> InletsOf(absl::Span<const std::string> sources, uint32_t depth) {
  std::vector<std::vector<uint32_t>> inlets = SortIntoInlets(InletKeys(sources));
  const uint64_t reads = uint64_t{depth} * inlets.size();
  if (reads <= IngestOptions::kMaxReads) return inlets;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat("a depth of ", depth, " for each of ", inlets.size(), " controllers and file systems makes ",
                                     reads, " reads in flight, more than ", IngestOptions::kMaxReads)),
                   Fix(absl::StrCat("use a depth of at most ", IngestOptions::kMaxReads / inlets.size())));
}

/// Where the device has the pool's memory already, under its own address; otherwise it is made reachable.
absl::StatusOr<u32> Register(Device& device, const BufferPool& pool) {
  const absl::Span<std::byte> memory = pool.memory();
  if (!pool.device_address().has_value()) return device.RegisterBuffer(memory, layout::kBufferRead);
  return device.RegisterDeviceMemory(*pool.device_address(), memory.size(), layout::kBufferRead);
}

std::string PagesName(BufferPool::Pages pages) {
  switch (pages) {
    case BufferPool::Pages::kExplicitHuge: return "2 MiB";
    case BufferPool::Pages::kTransparentHuge: return "transparent huge";
    case BufferPool::Pages::kSmall: return "4 KiB";
    case BufferPool::Pages::kDevice: return "device memory";
  }
  return "?";
}

}  // namespace

absl::StatusOr<IngestReport> Ingest(Device& device, absl::Span<const std::string> sources, Operation& operation,
                                    const IngestOptions& options) {
  PENSTOCK_RETURN_IF_ERROR(CheckOptions(options));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::vector<uint32_t>> inlets, InletsOf(sources, options.depth));
  // One buffer for a read in flight, one for the chunk that the device has: reading goes on while the device works.
  const uint32_t buffers = 2 * options.depth * static_cast<uint32_t>(inlets.size());
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool created, options.make_pool({options.chunk_bytes, buffers}));
  const auto pool = std::make_shared<BufferPool>(std::move(created));
  PENSTOCK_ASSIGN_OR_RETURN(const u32 handle, Register(device, *pool));
  device.Keep(pool);
  PENSTOCK_RETURN_IF_ERROR(operation.Prepare(device, pool->buffer_count()));
  PENSTOCK_RETURN_IF_ERROR(device.Start());

  IngestReport report;
  report.pages = PagesName(pool->pages());
  PumpOutcome outcome;
  {
    SourceFeed feed(sources, std::move(inlets), options, *pool);
    const uint64_t start_ns = MonotonicNs();
    outcome = RunPump({&device, pool.get(), handle, &operation},
                      {.chunk_bytes = options.chunk_bytes,
                       .slot_timeout = options.slot_timeout,
                       .cancel = options.cancel,
                       .progress = options.progress},
                      feed);
    report.seconds = static_cast<double>(MonotonicNs() - start_ns) * 1e-9;
    feed.Report(report);
  }
  report.statistics = outcome.statistics;
  const absl::Status stopped = device.Stop(kStopTimeout);
  for (const absl::Status& status : {outcome.status, stopped}) {
    if (report.status.ok()) report.status = status;
  }
  // A read may still write to it. What a handler may still read, the device keeps.
  if (outcome.memory_in_use) Abandon(pool);
  return report;
}

}  // namespace penstock
