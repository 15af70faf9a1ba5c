// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/pull_sources.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/layout/live_io.h"
#include "runtime/chunk_order.h"
#include "runtime/source_extent.h"

namespace penstock {
namespace {

using layout::IoCause;

// The kernel's list is named by a length of 32 bits.
constexpr size_t kMostExtents = std::numeric_limits<u32>::max() / sizeof(layout::PullExtent);

/// Code of a read that ended by `cause`.
absl::StatusCode CodeOf(IoCause cause) {
  switch (cause) {
    case IoCause::kMedium: return absl::StatusCode::kDataLoss;
    case IoCause::kVolumeGone: return absl::StatusCode::kUnavailable;
    case IoCause::kTimedOut:
    case IoCause::kGivenUp: return absl::StatusCode::kDeadlineExceeded;
    default: return absl::StatusCode::kInternal;
  }
}

}  // namespace

PullSources::PullSources(absl::Span<const std::string> names, const IngestOptions& options, IoService& service,
                         bool is_device_memory)
    : options_(options), service_(service), is_device_memory_(is_device_memory), sources_(names.size()) {
  for (size_t i = 0; i < names.size(); ++i) {
    Source& source = sources_[i];
    source.report.name = names[i];
    source.first_extent = extents_.size();
    source.report.status = Open(source);
    source.extent_count = extents_.size() - source.first_extent;
  }
}

absl::Status PullSources::Open(Source& source) {
  PENSTOCK_ASSIGN_OR_RETURN(Volume opened, Volume::Open(source.report.name));
  auto volume = std::make_unique<Volume>(std::move(opened));
  PENSTOCK_ASSIGN_OR_RETURN(const SourceExtent extent,
                            ResolveExtent({options_.offset_bytes, options_.length_bytes}, BoundsOf(*volume)));
  const uint64_t chunks = (extent.length_bytes + options_.chunk_bytes - 1) / options_.chunk_bytes;
  if (chunks > kMostExtents - extents_.size()) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     What(absl::StrCat(source.report.name, " makes ", chunks, " chunks, more than the list has room for")),
                     Fix("use larger chunks, or fewer sources at once"));
  }
  // All of the volume, since an extent's end need not be where a path can end. The list reaches no further than the extent.
  PENSTOCK_ASSIGN_OR_RETURN(const u32 handle, service_.RegisterSource(*volume, {}));
  source.report.path = service_.PathOf(handle, is_device_memory_);
  source.report.refusals = service_.RefusalsOf(handle, is_device_memory_);
  source.offset_bytes = extent.offset_bytes;
  counters_.Begin(*volume);
  source.volume = std::move(volume);
  const ChunkOrder order(chunks, options_.shuffle_seed);
  for (uint64_t i = 0; i < chunks; ++i) {
    const uint64_t at = order.At(i) * options_.chunk_bytes;
    const auto length = static_cast<u32>(std::min<uint64_t>(options_.chunk_bytes, extent.length_bytes - at));
    extents_.push_back({extent.offset_bytes + at, length, handle, 0, 0, 0, 0});
  }
  return absl::OkStatus();
}

absl::Status PullSources::ErrorOf(const Source& source, const layout::PullExtent& row) const {
  const auto cause = static_cast<IoCause>(row.cause);
  const std::string where = absl::StrCat(row.length_bytes, " bytes at offset ", row.offset_bytes, " of ", source.report.name);
  if (row.pulled == 0 || cause == IoCause::kServiceStopped) {
    return MakeError(absl::StatusCode::kCancelled, What(absl::StrCat(where, " were not reached")),
                     Fix("see the error of the run, and start it again"));
  }
  if (cause == IoCause::kEndedEarly) {
    return EndedEarly(BoundsOf(*source.volume), row.offset_bytes + row.landed_bytes, row.offset_bytes + row.length_bytes);
  }
  if (cause == IoCause::kMisaligned) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat(where, ": ", layout::IoCauseText(cause))),
                     Fix("use an offset that is a multiple of 4 KiB, or path pread"));
  }
  return MakeError(CodeOf(cause), What(absl::StrCat("reading ", where, ": ", layout::IoCauseText(cause))),
                   Fix("look in the kernel log (dmesg) for the device, and try without pulling, which tells more"));
}

/// In the order of the bytes, up to the first extent that failed. How many were folded.
uint64_t PullSources::Fold(const Operation& operation, absl::Span<const layout::PullExtent> as_pulled, Source& source) const {
  const std::unique_ptr<SourceFold> fold = operation.BeginSource();
  std::vector<layout::PullExtent> sorted;
  absl::Span<const layout::PullExtent> rows = as_pulled;
  if (options_.shuffle_seed.has_value()) {
    sorted.assign(rows.begin(), rows.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.offset_bytes < b.offset_bytes; });
    rows = sorted;
  }
  uint64_t chunks = 0;
  for (const layout::PullExtent& row : rows) {
    if (row.pulled == 0 || row.cause != static_cast<u32>(IoCause::kNone)) {
      source.report.status = ErrorOf(source, row);
      break;
    }
    fold->Fold({{0, 0, row.landed_bytes}, 0, row.offset_bytes - source.offset_bytes}, row.crc32c);
    source.report.bytes += row.landed_bytes;
    ++chunks;
  }
  source.report.result = fold->End();
  return chunks;
}

void PullSources::Report(const Operation& operation, absl::Span<const layout::PullExtent> rows, IngestReport& report) {
  for (Source& source : sources_) {
    if (source.volume != nullptr) {
      report.statistics.chunks += Fold(operation, rows.subspan(source.first_extent, source.extent_count), source);
    }
    report.statistics.bytes += source.report.bytes;
    if (report.status.ok()) report.status = source.report.status;
    report.sources.push_back(std::move(source.report));
  }
  report.controllers = counters_.Read();
}

}  // namespace penstock
