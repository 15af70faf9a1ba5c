// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_feed.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "runtime/source_extent.h"

namespace penstock {
SourceFeed::SourceFeed(absl::Span<const std::string> names, std::vector<std::vector<uint32_t>> inlets,
                       const IngestOptions& options, const BufferPool& pool)
    : options_(options), inlets_(inlets.size()), chooser_(options, pool, inlet_count()) {
  for (size_t i = 0; i < inlets.size(); ++i) inlets_[i].sources = std::move(inlets[i]);
  for (const std::string& name : names) {
    sources_.emplace_back();
    sources_.back().name = name;
    sources_.back().status = MakeError(absl::StatusCode::kCancelled, What(absl::StrCat(name, " was not reached")),
                                       Fix("see the error of the run, and start it again"));
  }
}

SourceFeed::~SourceFeed() = default;

absl::StatusOr<PumpSource> SourceFeed::Open(uint32_t index, uint32_t inlet) {
  SourceReport& source = sources_[index];
  PENSTOCK_ASSIGN_OR_RETURN(Volume volume, Volume::Open(source.name));
  PENSTOCK_ASSIGN_OR_RETURN(const SourceExtent extent,
                            ResolveExtent({options_.offset_bytes, options_.length_bytes}, BoundsOf(volume)));
  PENSTOCK_ASSIGN_OR_RETURN(const PathChooser::Choice choice,
                            chooser_.Choose({volume, inlet, extent.offset_bytes}, source.refusals));
  const Volume& kept = open_.emplace(index, std::move(volume)).first->second;
  counters_.Begin(kept);
  readers_[index] = choice.reader;
  source.path = choice.reader->queue().path();
  choice.reader->queue().Attach(kept);
  return PumpSource{.index = index,
                    .volume = &kept,
                    .reader = choice.reader,
                    .offset_bytes = extent.offset_bytes,
                    .length_bytes = extent.length_bytes,
                    .depth = choice.depth};
}

std::optional<PumpSource> SourceFeed::Next(uint32_t inlet_index) {
  Inlet& inlet = inlets_[inlet_index];
  while (inlet.next < inlet.sources.size()) {
    const uint32_t index = inlet.sources[inlet.next++];
    const absl::StatusOr<PumpSource> source = Open(index, inlet_index);
    if (source.ok()) return *source;
    sources_[index].status = source.status();
    if (first_error_.ok()) first_error_ = source.status();
  }
  return std::nullopt;
}

void SourceFeed::End(PumpSourceEnd end) {
  SourceReport& source = sources_[end.index];
  const Volume& volume = open_.at(end.index);
  source.bytes = end.bytes;
  bytes_[*source.path] += end.bytes;
  source.status = end.status;
  source.result = end.result;
  if (const absl::StatusOr<uint64_t> now = volume.CurrentSizeBytes();
      now.ok() && *now > volume.size_bytes() && !options_.length_bytes.has_value()) {
    source.note = absl::StrCat("grew by ", *now - volume.size_bytes(), " bytes after it was opened; they were not read");
  }
  readers_[end.index]->queue().Detach(volume);
  readers_.erase(end.index);
  open_.erase(end.index);
}

void SourceFeed::Report(IngestReport& report) {
  report.sources = std::move(sources_);
  report.status = first_error_;
  report.paths = chooser_.Report();
  for (PathReport& path : report.paths) {
    path.bytes = bytes_[path.path];
    report.reads += path.reads;
    report.bounce_bytes += path.bounce_bytes;
  }
  report.controllers = counters_.Read();
}

}  // namespace penstock
