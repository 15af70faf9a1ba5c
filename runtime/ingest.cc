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
#include "runtime/base/abandoned.h"
#include "runtime/ingest_setup.h"
#include "runtime/source_feed.h"
#include "runtime/source_inlets.h"

namespace penstock {
namespace {

constexpr absl::Duration kStopTimeout = absl::Seconds(10);

absl::StatusOr<std::vector<std::vector<uint32_t>>> InletsOf(absl::Span<const std::string> sources, uint32_t depth) {
  std::vector<std::vector<uint32_t>> inlets = SortIntoInlets(InletKeys(sources));
  const uint64_t reads = uint64_t{depth} * inlets.size();
  if (reads <= IngestOptions::kMaxReads) return inlets;
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat("a depth of ", depth, " for each of ", inlets.size(), " controllers and file systems makes ",
                                     reads, " reads in flight, more than ", IngestOptions::kMaxReads)),
                   Fix(absl::StrCat("use a depth of at most ", IngestOptions::kMaxReads / inlets.size())));
}

absl::Status CheckOrder(const Operation& operation, const IngestOptions& options) {
  if (!options.shuffle_seed.has_value() || operation.takes_any_order()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat("operation ", std::string(operation.name()), " on chunks in a random order")),
                   Fix("use an operation that takes any order (none, histogram), or leave shuffle_seed out"));
}

}  // namespace

absl::StatusOr<IngestReport> Ingest(Device& device, absl::Span<const std::string> sources, Operation& operation,
                                    const IngestOptions& options) {
  PENSTOCK_RETURN_IF_ERROR(CheckIngestOptions(options));
  PENSTOCK_RETURN_IF_ERROR(CheckOrder(operation, options));
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<std::vector<uint32_t>> inlets, InletsOf(sources, options.depth));
  // One buffer for a read in flight, one for the chunk that the device has: reading goes on while the device works.
  const uint32_t buffers = 2 * options.depth * static_cast<uint32_t>(inlets.size());
  PENSTOCK_ASSIGN_OR_RETURN(BufferPool created, options.make_pool({options.chunk_bytes, buffers}));
  const auto pool = std::make_shared<BufferPool>(std::move(created));
  PENSTOCK_ASSIGN_OR_RETURN(const u32 handle, RegisterPool(device, *pool, layout::kBufferRead));
  device.Keep(pool);
  PENSTOCK_RETURN_IF_ERROR(operation.Prepare(device, pool->buffer_count()));
  PENSTOCK_RETURN_IF_ERROR(device.Start());

  IngestReport report;
  report.pages = NameOfPages(pool->pages());
  PumpOutcome outcome;
  {
    SourceFeed feed(sources, std::move(inlets), options, *pool);
    const uint64_t start_ns = MonotonicNs();
    outcome = RunPump({&device, pool.get(), handle, &operation},
                      {.chunk_bytes = options.chunk_bytes,
                       .shuffle_seed = options.shuffle_seed,
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
