// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/path_chooser.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "penstock/error.h"

namespace penstock {
namespace {

std::string NameOf(ReadPath path) { return std::string(ReadPathName(path)); }

/// Enough reads that a thread finds its next one waiting; more would only push landed bytes out of the cache.
uint32_t PlainDepth(const IngestOptions& options) {
  constexpr uint32_t kReadAheadBytes = 1u << 20;  // of a thread: a second-level cache
  return std::min(options.depth, PreadThreads(options.depth) * std::max(1u, kReadAheadBytes / options.chunk_bytes));
}

/// Nothing, or why chunks that begin at multiples of `bytes` cannot be read.
std::optional<Refusal> Misaligned(const char* what, uint64_t bytes, ReadPath path, const Volume& volume) {
  const uint32_t alignment = volume.support(path).offset_alignment_bytes;
  if (bytes % alignment == 0) return std::nullopt;
  return Refusal{path,
                 absl::StrCat("path ", NameOf(path), " reads ", volume.name(), " in multiples of ", alignment, " bytes, and ",
                              what, " ", bytes, " is none"),
                 absl::StrCat("use one that is a multiple of ", alignment)};
}

}  // namespace

std::vector<ReadPath> PathChooser::Candidates(const Volume& volume) const {
  if (options_.path.has_value()) return {*options_.path};
  return AutomaticPaths(volume, pool_.is_device_memory());
}

ReadQueueOptions PathChooser::QueueOptions(ReadPath path) const {
  if (path == ReadPath::kPread) return {.depth = PlainDepth(options_)};
  return {.depth = options_.depth * inlet_count_, .poll_device = options_.poll_device, .kernel_thread = options_.kernel_thread};
}

PathChooser::Path& PathChooser::Open(ReadPath name, uint32_t inlet) {
  Path& path = paths_[{name, name == ReadPath::kPread ? inlet : 0}];
  if (path.queue != nullptr || path.refusal.has_value()) return path;
  const ReadQueueOptions options = QueueOptions(name);
  absl::StatusOr<std::unique_ptr<ReadQueue>> queue = OpenReadQueue(name, pool_, options);
  if (!queue.ok()) {
    path.refusal = RefusalOf(name, queue.status());
    return path;
  }
  path.queue = *std::move(queue);
  path.reader =
      std::make_unique<Reader>(*path.queue, Reader::Options{.depth = options.depth, .read_timeout = options_.read_timeout});
  return path;
}

std::optional<Refusal> PathChooser::WhyNot(ReadPath path, const Source& source) {
  const Volume& volume = source.volume;
  if (!volume.Supports(path)) return volume.support(path).refusal;
  if (auto refusal = Misaligned("the chunk size", options_.chunk_bytes, path, volume)) return refusal;
  if (auto refusal = Misaligned("the offset", source.offset_bytes, path, volume)) return refusal;
  if (const Path& opened = Open(path, source.inlet); opened.refusal.has_value()) return opened.refusal;
  // Plain reads have nothing to probe that the reads themselves do not tell.
  if (path == ReadPath::kPread || volume.size_bytes() == 0) return std::nullopt;
  const auto [it, is_new] = probed_.try_emplace({path, volume.file_system()});
  if (is_new) it->second = ProbePath(path, volume, options_.make_pool, QueueOptions(path));
  return it->second;
}

absl::StatusOr<PathChooser::Choice> PathChooser::Choose(const Source& source, std::vector<Refusal>& refusals) {
  const Volume& volume = source.volume;
  for (const ReadPath path : Candidates(volume)) {
    std::optional<Refusal> refusal = WhyNot(path, source);
    if (!refusal.has_value()) {
      Reader* const reader = Open(path, source.inlet).reader.get();
      return Choice{reader, std::min(options_.depth, reader->depth())};
    }
    refusals.push_back(*std::move(refusal));
  }
  const Refusal& last = refusals.back();
  if (!options_.path.has_value()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat(volume.name(), ": no path works: ", last.cause)),
                     Fix(last.remedy));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   What(absl::StrCat(volume.name(), ": path ", NameOf(last.path), " was demanded and is refused: ", last.cause)),
                   Fix(absl::StrCat(last.remedy, ", or demand no path")));
}

std::vector<PathReport> PathChooser::Report() const {
  std::vector<PathReport> reports;
  for (const auto& [key, path] : paths_) {  // Those of one path are neighbours.
    if (path.reader == nullptr || path.reader->counts().submitted == 0) continue;
    if (reports.empty() || reports.back().path != key.first) reports.push_back({.path = key.first});
    reports.back().reads += path.reader->counts();
    reports.back().commands += path.queue->command_count();
    reports.back().bounce_bytes += path.queue->bounce_bytes();
  }
  return reports;
}

}  // namespace penstock
