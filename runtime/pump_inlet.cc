// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/pump_inlet.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "runtime/source_extent.h"

namespace penstock {
namespace {

absl::Status EndedEarlyError(const PumpChunk& chunk) {
  const PumpSource& source = chunk.source->parts;
  return EndedEarly(BoundsOf(*source.volume), chunk.volume_offset() + chunk.bytes, source.offset_bytes + source.length_bytes);
}

}  // namespace

// --- reading ---

/// The window is twice the depth: more would only push landed bytes out of a cache before the device comes to them.
bool PumpInlet::StartReads(uint32_t most_chunks) {
  bool progress = false;
  while (window_ < most_chunks && run_.chunks.AnyFree()) {
    if (sources_.empty() || sources_.back().AllStarted()) {
      if (!OpenNext(most_chunks)) break;
    } else {
      const PumpSource& parts = sources_.back().parts;
      if (reading_ >= parts.depth || window_ >= 2 * uint64_t{parts.depth} || !parts.reader->HasRoom()) break;
      StartRead(sources_.back());
    }
    progress = true;
  }
  return progress;
}

/// Asks the feed for the next source, or learns that there is none. False if it is not asked: sources that need no read, which
/// empty files are, stay open until those before them have ended, and there may be any number of them.
bool PumpInlet::OpenNext(uint32_t most_sources) {
  if (feed_ended_ || sources_.size() >= most_sources) return false;
  const std::optional<PumpSource> next = run_.feed.Next(index_);
  feed_ended_ = !next.has_value();
  if (feed_ended_) return true;
  PENSTOCK_CHECK(next->depth > 0);
  const uint64_t chunk_count = (next->length_bytes + run_.options.chunk_bytes - 1) / run_.options.chunk_bytes;
  sources_.push_back(
      {.parts = *next, .fold = run_.operation.BeginSource(), .order = ChunkOrder(chunk_count, run_.options.shuffle_seed)});
  run_.readers.Add(*next->reader);
  return true;
}

void PumpInlet::StartRead(OpenSource& source) {
  PumpChunk& chunk = run_.chunks.Take();
  chunk.inlet = this;
  chunk.source = &source;
  chunk.offset = source.order.At(source.started_chunks) * run_.options.chunk_bytes;
  chunk.length = static_cast<uint32_t>(std::min<uint64_t>(run_.options.chunk_bytes, source.parts.length_bytes - chunk.offset));
  (oldest_ == nullptr ? oldest_ : newest_->next) = &chunk;
  newest_ = &chunk;
  ++window_;
  ++reading_;
  source.started_bytes += chunk.length;
  ++source.started_chunks;
  ++source.chunks;
  const absl::Status status = source.parts.reader->Start({.tag = chunk.buffer_index,
                                                          .volume = source.parts.volume,
                                                          .offset_bytes = chunk.volume_offset(),
                                                          .length_bytes = chunk.length,
                                                          .destination = run_.pool.buffer(chunk.buffer_index)});
  if (status.ok()) return;
  --reading_;
  Fail(chunk, status);
}

void PumpInlet::TakeRead(PumpChunk& chunk, const ChunkResult& result) {
  --reading_;
  run_.has_peer_writes |= run_.pool.is_device_memory();
  chunk.bytes = result.bytes;
  run_.statistics.read_latency.Record(result.latency_ns);
  if (!result.status.ok()) {
    Fail(chunk, result.status);
  } else if (chunk.bytes == 0 || !chunk.source->status.ok()) {
    chunk.state = PumpChunk::kEnded;  // the file ended before it, or its source's error came before
  } else {
    MarkLanded(chunk, run_.operation.MakeWork(Landed(chunk)));
  }
}

void PumpInlet::MarkLanded(PumpChunk& chunk, const Work& work) {
  chunk.state = PumpChunk::kLanded;
  chunk.work = work;
  ++landed_;
}

/// Nothing of the chunk is in flight any more.
void PumpInlet::Fail(PumpChunk& chunk, const absl::Status& status) {
  chunk.state = PumpChunk::kEnded;
  chunk.bytes = 0;
  chunk.status = Annotate(status, absl::StrCat("chunk ", chunk.offset / run_.options.chunk_bytes, " of ",
                                               chunk.source->parts.volume->name(), " at offset ", chunk.volume_offset()));
  chunk.source->ended_early = true;
}

LandedChunk PumpInlet::Landed(const PumpChunk& chunk) const {
  const uint64_t in_pool = static_cast<uint64_t>(chunk.buffer_index) * run_.pool.buffer_bytes();
  return {{run_.buffer_handle, in_pool, chunk.bytes}, chunk.buffer_index, chunk.offset};
}

// --- slots ---

bool PumpInlet::PublishLanded() {
  const uint32_t before = landed_;
  for (PumpChunk* chunk = oldest_; landed_ > 0 && chunk != nullptr; chunk = chunk->next) {
    if (chunk->state != PumpChunk::kLanded) continue;
    const bool has_sub_ring = static_cast<uint32_t>(chunk->work.priority) < layout::kPriorityCount;  // else it is refused
    if (!has_sub_ring || run_.ring.free_slots(chunk->work.priority) > 0) Publish(*chunk);
  }
  return landed_ < before;
}

void PumpInlet::Publish(PumpChunk& chunk) {
  --landed_;
  absl::StatusOr<Ticket> ticket = run_.ring.Publish(chunk.work);
  if (!ticket.ok()) return Fail(chunk, ticket.status());
  chunk.ticket = *ticket;
  chunk.published_ns = MonotonicNs();
  chunk.state = PumpChunk::kPublished;
  ++published_;
}

bool PumpInlet::ReapAndFold() {
  bool progress = Reap();
  progress |= FoldEnded();
  return progress;
}

bool PumpInlet::Reap() {
  bool progress = false;
  uint32_t left = published_;
  for (PumpChunk* chunk = oldest_; left > 0; chunk = chunk->next) {
    if (chunk->state != PumpChunk::kPublished) continue;
    --left;
    Completion completion;
    if (!run_.ring.TryReap(chunk->ticket, completion)) continue;
    TakeSlot(*chunk, completion);
    progress = true;
  }
  return progress;
}

void PumpInlet::TakeSlot(PumpChunk& chunk, const Completion& completion) {
  --published_;
  run_.statistics.slot_latency.Record(MonotonicNs() - chunk.published_ns);
  chunk.state = PumpChunk::kEnded;
  chunk.result = completion.result;
  if (!completion.ok()) Fail(chunk, completion.ToStatus(run_.operation.name()));
}

PumpChunk* PumpInlet::OldestPublished() {
  PumpChunk* chunk = published_ > 0 ? oldest_ : nullptr;
  while (chunk != nullptr && chunk->state != PumpChunk::kPublished) chunk = chunk->next;
  return chunk;
}

// --- folding and ending ---

/// Folds ended chunks from the oldest on, and ends sources. True if anything was.
bool PumpInlet::FoldEnded() {
  bool progress = false;
  while (!sources_.empty()) {
    if (sources_.front().chunks == 0) {
      if (!sources_.front().AllStarted()) break;
      EndSource();
    } else if (oldest_->state == PumpChunk::kEnded) {
      FoldOldest();
    } else {
      break;
    }
    progress = true;
  }
  return progress;
}

void PumpInlet::FoldOldest() {
  PumpChunk& chunk = *oldest_;
  OpenSource& source = *chunk.source;
  if (source.status.ok() && chunk.status.ok() && chunk.bytes > 0) {
    if (const std::optional<Work> more = source.fold->Fold(Landed(chunk), chunk.result); more.has_value()) {
      MarkLanded(chunk, *more);
      return;
    }
    source.bytes += chunk.bytes;
    run_.statistics.bytes += chunk.bytes;
  }
  if (source.status.ok()) source.status = chunk.status;
  if (source.status.ok() && chunk.bytes < chunk.length) source.status = EndedEarlyError(chunk);
  source.ended_early |= !source.status.ok();
  ++run_.statistics.chunks;
  --source.chunks;
  --window_;
  oldest_ = chunk.next;
  run_.chunks.Return(chunk);
}

void PumpInlet::EndSource() {
  OpenSource& source = sources_.front();
  if (run_.first_error.ok()) run_.first_error = source.status;
  run_.feed.End({source.parts.index, source.bytes, source.status, source.fold->End()});
  sources_.pop_front();
}

void PumpInlet::Cancel(const absl::Status& status) {
  feed_ended_ = true;
  for (OpenSource& source : sources_) {
    source.ended_early = true;
    if (source.status.ok()) source.status = status;
  }
  for (PumpChunk* chunk = oldest_; landed_ > 0; chunk = chunk->next) {
    if (chunk->state != PumpChunk::kLanded) continue;
    chunk->state = PumpChunk::kEnded;
    --landed_;
  }
}

bool PumpInlet::GiveUp(const absl::Status& status, absl::Duration timeout) {
  feed_ended_ = true;
  bool all_ended = true;
  for (PumpChunk* chunk = oldest_; chunk != nullptr; chunk = chunk->next) {
    if (chunk->state != PumpChunk::kPublished) continue;
    all_ended &= run_.ring.Wait(chunk->ticket, all_ended ? timeout : absl::ZeroDuration()).ok();
  }
  for (; !sources_.empty(); EndSource()) {
    if (sources_.front().status.ok()) sources_.front().status = status;
  }
  return all_ended;
}

}  // namespace penstock
