// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_feed.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {
namespace {

Refusal RefusalOf(ReadPath path, const absl::Status& status) { return {path, CauseOf(status), RemedyOf(status)}; }

/// Threads that copy out of the page cache: as many as can run, and two at least so that one can wait for the disk.
uint32_t PlainThreads(uint32_t depth) { return std::min(depth, std::max(2u, std::thread::hardware_concurrency())); }

/// Enough reads that a thread finds its next one waiting; more would only push landed bytes out of the cache.
uint32_t PlainDepth(const IngestOptions& options, uint32_t threads) {
  constexpr uint32_t kReadAheadBytes = 1u << 20;  // of a thread: a second-level cache
  return std::min(options.depth, threads * std::max(1u, kReadAheadBytes / options.chunk_bytes));
}

/// A real read, on a queue and memory of its own: reads of other sources may be in flight on the run's.
std::optional<Refusal> ProbeDirect(const Volume& volume) {
  constexpr size_t kSmallest = 64 * 1024;
  absl::StatusOr<BufferPool> scratch = BufferPool::Create({std::max<size_t>(kSmallest, volume.offset_alignment_bytes()), 1});
  if (!scratch.ok()) return RefusalOf(ReadPath::kRead, scratch.status());
  absl::StatusOr<std::unique_ptr<ReadQueue>> queue = OpenUringReadQueue(*scratch, 1);
  if (!queue.ok()) return RefusalOf(ReadPath::kRead, queue.status());
  return ProbeRead(**queue, volume, scratch->buffer(0));
}

}  // namespace

SourceFeed::SourceFeed(absl::Span<const std::string> names, const IngestOptions& options, const BufferPool& pool)
    : options_(options), pool_(pool) {
  for (const std::string& name : names) {
    sources_.emplace_back();
    sources_.back().name = name;
    sources_.back().status = MakeError(absl::StatusCode::kCancelled, What(absl::StrCat(name, " was not reached")),
                                       Fix("see the error of the run, and start it again"));
  }
}

SourceFeed::~SourceFeed() = default;

void SourceFeed::OpenReader(Path& path, uint32_t depth) {
  path.reader = std::make_unique<Reader>(*path.queue, Reader::Options{.depth = depth, .read_timeout = options_.read_timeout});
}

SourceFeed::Path& SourceFeed::DirectPath() {
  if (direct_.queue != nullptr || direct_.refusal.has_value()) return direct_;
  absl::StatusOr<std::unique_ptr<ReadQueue>> queue = OpenUringReadQueue(pool_, options_.depth);
  if (queue.ok()) {
    direct_.queue = *std::move(queue);
    OpenReader(direct_, options_.depth);
  } else {
    direct_.refusal = RefusalOf(ReadPath::kRead, queue.status());
  }
  return direct_;
}

SourceFeed::Path& SourceFeed::PlainPath() {
  if (plain_.queue != nullptr) return plain_;
  const uint32_t threads = PlainThreads(options_.depth);
  const uint32_t depth = PlainDepth(options_, threads);
  plain_.queue = OpenPreadQueue(depth, threads);
  OpenReader(plain_, depth);
  return plain_;
}

std::optional<Refusal> SourceFeed::WhyNotDirect(const Volume& volume) {
  if (volume.direct_fd() < 0) return volume.direct_refusal();
  if (options_.chunk_bytes % volume.offset_alignment_bytes() != 0) {
    return Refusal{
        ReadPath::kRead,
        absl::StrCat("direct I/O on ", volume.name(), " needs multiples of ", volume.offset_alignment_bytes(), " bytes"),
        "use a chunk size that is a multiple of that"};
  }
  Path& direct = DirectPath();
  if (direct.refusal.has_value()) return direct.refusal;
  if (volume.size_bytes() == 0) return std::nullopt;
  const auto [it, is_new] = probed_.try_emplace(volume.file_system());
  if (is_new) it->second = ProbeDirect(volume);
  return it->second;
}

absl::StatusOr<Reader*> SourceFeed::ChooseReader(const Volume& volume, SourceReport& source) {
  if (options_.path != ReadPath::kPread) {
    std::optional<Refusal> refusal = WhyNotDirect(volume);
    if (!refusal.has_value()) {
      source.path = ReadPath::kRead;
      return DirectPath().reader.get();
    }
    source.refusals.push_back(*refusal);
    if (options_.path == ReadPath::kRead) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       What(absl::StrCat(source.name, ": path read was demanded and is refused: ", refusal->cause)),
                       Fix(absl::StrCat(refusal->remedy, ", or leave the choice to --path=auto")));
    }
  }
  source.path = ReadPath::kPread;
  return PlainPath().reader.get();
}

std::optional<PumpSource> SourceFeed::Open(uint32_t index) {
  SourceReport& source = sources_[index];
  absl::StatusOr<Volume> volume = Volume::Open(source.name);
  if (!volume.ok()) {
    source.status = volume.status();
  } else if (absl::StatusOr<Reader*> reader = ChooseReader(*volume, source); !reader.ok()) {
    source.status = reader.status();
  } else {
    const Volume& kept = open_.emplace(index, *std::move(volume)).first->second;
    readers_[index] = *reader;
    (*reader)->queue().Attach(kept);
    return PumpSource{index, &kept, *reader, kept.size_bytes()};
  }
  if (first_error_.ok()) first_error_ = source.status;
  return std::nullopt;
}

std::optional<PumpSource> SourceFeed::Next() {
  while (next_ < sources_.size()) {
    if (std::optional<PumpSource> source = Open(next_++); source.has_value()) return source;
  }
  return std::nullopt;
}

void SourceFeed::End(PumpSourceEnd end) {
  SourceReport& source = sources_[end.index];
  const Volume& volume = open_.at(end.index);
  source.bytes = end.bytes;
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
  for (const Path* path : {&direct_, &plain_}) {
    if (path->reader == nullptr) continue;
    const Reader::Counts& counts = path->reader->counts();
    report.reads.submitted += counts.submitted;
    report.reads.completed += counts.completed;
    report.reads.failed += counts.failed;
    report.reads.resubmitted += counts.resubmitted;
    report.bounce_bytes += path->queue->bounce_bytes();
  }
}

}  // namespace penstock
