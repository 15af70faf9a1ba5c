// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_feed.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {
SourceFeed::SourceFeed(absl::Span<const std::string> names, std::vector<std::vector<uint32_t>> inlets,
                       const IngestOptions& options, const BufferPool& pool)
    : inlets_(inlets.size()), chooser_(options, pool, inlet_count()) {
  for (size_t i = 0; i < inlets.size(); ++i) inlets_[i].sources = std::move(inlets[i]);
  for (const std::string& name : names) {
    sources_.emplace_back();
    sources_.back().name = name;
    sources_.back().status = MakeError(absl::StatusCode::kCancelled, What(absl::StrCat(name, " was not reached")),
                                       Fix("see the error of the run, and start it again"));
  }
}

SourceFeed::~SourceFeed() = default;

std::optional<PumpSource> SourceFeed::Open(uint32_t index, uint32_t inlet) {
  SourceReport& source = sources_[index];
  absl::StatusOr<Volume> volume = Volume::Open(source.name);
  if (!volume.ok()) {
    source.status = volume.status();
  } else if (const absl::StatusOr<PathChooser::Choice> choice = chooser_.Choose(*volume, inlet, source.refusals); !choice.ok()) {
    source.status = choice.status();
  } else {
    const Volume& kept = open_.emplace(index, *std::move(volume)).first->second;
    counters_.Begin(kept);
    readers_[index] = choice->reader;
    source.path = choice->reader->queue().path();
    choice->reader->queue().Attach(kept);
    return PumpSource{
        .index = index, .volume = &kept, .reader = choice->reader, .length_bytes = kept.size_bytes(), .depth = choice->depth};
  }
  if (first_error_.ok()) first_error_ = source.status;
  return std::nullopt;
}

std::optional<PumpSource> SourceFeed::Next(uint32_t inlet_index) {
  Inlet& inlet = inlets_[inlet_index];
  while (inlet.next < inlet.sources.size()) {
    if (std::optional<PumpSource> source = Open(inlet.sources[inlet.next++], inlet_index); source.has_value()) return source;
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
  if (const absl::StatusOr<uint64_t> now = volume.CurrentSizeBytes(); now.ok() && *now > volume.size_bytes()) {
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
