// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/pump.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr absl::Duration kLongWait = absl::Milliseconds(100);  // between looks at `cancel`
constexpr absl::Duration kShortWait = absl::Milliseconds(1);   // when a slot may end before a read does
constexpr uint64_t kProgressNs = 100'000'000;

/// A source that has been asked for and has not ended.
struct Source {
  PumpSource parts;
  std::unique_ptr<SourceFold> fold;
  uint64_t next_offset = 0;  // of the next chunk to read
  uint64_t bytes = 0;        // folded
  uint32_t chunks = 0;       // in the window
  bool ended_early = false;  // no more reads are started
  absl::Status status = absl::OkStatus();

  bool AllStarted() const { return ended_early || next_offset >= parts.length_bytes; }
};

/// A place in the window.
struct Chunk {
  enum State { kReading, kLanded, kPublished, kEnded };
  State state = kReading;
  Source* source = nullptr;
  uint64_t offset = 0;
  uint32_t length = 0;  // asked for
  uint32_t bytes = 0;   // landed
  uint32_t buffer_index = 0;
  Ticket ticket = {};
  Work work = {};  // what to publish, when landed
  uint64_t published_ns = 0;
  uint64_t result = 0;
  absl::Status status = absl::OkStatus();
};

class Pump {
 public:
  Pump(const PumpParts& parts, const PumpOptions& options, PumpFeed& feed)
      : ring_(parts.device->ring()),
        pool_(*parts.pool),
        buffer_handle_(parts.buffer_handle),
        operation_(*parts.operation),
        options_(options),
        feed_(feed),
        window_(parts.pool->buffer_count()),
        results_(parts.pool->buffer_count()) {
    PENSTOCK_CHECK(options.chunk_bytes > 0 && options.chunk_bytes <= pool_.buffer_bytes());
    for (uint32_t i = pool_.buffer_count(); i > 0; --i) free_buffers_.push_back(i - 1);
  }

  PumpOutcome Run() {
    while (!AllDone()) {
      while (MakeProgress()) ReportProgress();
      if (AllDone()) break;
      if (absl::Status status = Wait(); !status.ok()) {
        GiveUp(status);
        break;
      }
      if (options_.cancel != nullptr && options_.cancel->load(std::memory_order_relaxed)) Cancel();
    }
    return {first_error_, statistics_, memory_in_use_};
  }

 private:
  bool AllDone() const { return feed_ended_ && sources_.empty(); }
  Chunk& At(uint64_t sequence) { return window_[sequence % window_.size()]; }

  /// Does everything that can be done without waiting. True if there was anything.
  bool MakeProgress() {
    bool progress = StartReads();
    progress |= Sweep();
    progress |= FoldEnded();
    return progress;
  }

  // --- reading ---

  /// Starts reads while there are sources, buffers and room for reads. A reader has twice its depth of buffers: more would only
  /// push landed bytes out of a cache before the device comes to them. True if any was started.
  bool StartReads() {
    bool started = false;
    while (!free_buffers_.empty()) {
      Source* source = SourceToRead();
      if (source == nullptr || !source->parts.reader->HasRoom()) break;
      if (next_ - oldest_ >= 2 * uint64_t{source->parts.reader->depth()}) break;
      StartRead(*source);
      started = true;
    }
    return started;
  }

  /// The source that the next read is for; asks the feed when the last one is started.
  Source* SourceToRead() {
    if (!sources_.empty() && !sources_.back().AllStarted()) return &sources_.back();
    while (!feed_ended_) {
      std::optional<PumpSource> next = feed_.Next();
      if (!next.has_value()) {
        feed_ended_ = true;
        break;
      }
      sources_.push_back({.parts = *next, .fold = operation_.BeginSource()});
      if (std::find(readers_.begin(), readers_.end(), next->reader) == readers_.end()) readers_.push_back(next->reader);
      if (!sources_.back().AllStarted()) return &sources_.back();
    }
    return nullptr;
  }

  void StartRead(Source& source) {
    const uint64_t sequence = next_++;
    Chunk& chunk = At(sequence);
    const uint64_t left = source.parts.length_bytes - source.next_offset;
    chunk = {.source = &source,
             .offset = source.next_offset,
             .length = static_cast<uint32_t>(std::min<uint64_t>(options_.chunk_bytes, left)),
             .buffer_index = free_buffers_.back()};
    free_buffers_.pop_back();
    source.next_offset += chunk.length;
    ++source.chunks;
    const absl::Status status = source.parts.reader->Start({.tag = sequence,
                                                            .volume = source.parts.volume,
                                                            .offset_bytes = chunk.offset,
                                                            .length_bytes = chunk.length,
                                                            .destination = pool_.buffer(chunk.buffer_index)});
    if (!status.ok()) TakeFailure(chunk, status);
  }

  void TakeRead(const ChunkResult& result) {
    Chunk& chunk = At(result.tag);
    chunk.bytes = result.bytes;
    statistics_.read_latency.Record(result.latency_ns);
    if (!result.status.ok()) {
      TakeFailure(chunk, result.status);
    } else if (chunk.bytes == 0) {
      chunk.state = Chunk::kEnded;  // the file ended before it
    } else {
      chunk.state = Chunk::kLanded;
      chunk.work = operation_.MakeWork(Landed(chunk));
    }
  }

  void TakeFailure(Chunk& chunk, const absl::Status& status) {
    chunk.state = Chunk::kEnded;
    chunk.bytes = 0;
    chunk.status = Annotate(status, absl::StrCat("chunk ", chunk.offset / options_.chunk_bytes, " of ",
                                                 chunk.source->parts.volume->name(), " at offset ", chunk.offset));
    chunk.source->ended_early = true;
  }

  LandedChunk Landed(const Chunk& chunk) const {
    const uint64_t in_pool = static_cast<uint64_t>(chunk.buffer_index) * pool_.buffer_bytes();
    return {{buffer_handle_, in_pool, chunk.bytes}, chunk.buffer_index, chunk.offset};
  }

  // --- slots ---

  /// Publishes what has landed and reaps what has ended. True if anything was. Cost: one load for each chunk in the window.
  bool Sweep() {
    bool progress = false;
    for (uint64_t sequence = oldest_; sequence != next_; ++sequence) {
      Chunk& chunk = At(sequence);
      if (chunk.state == Chunk::kLanded) progress |= Publish(chunk);
      if (chunk.state == Chunk::kPublished) progress |= Reap(chunk);
    }
    return progress;
  }

  /// A full ring is back-pressure: the chunk stays landed and is tried again.
  bool Publish(Chunk& chunk) {
    if (ring_.free_slots(chunk.work.priority) == 0) return false;
    absl::StatusOr<Ticket> ticket = ring_.Publish(chunk.work);
    if (!ticket.ok()) {
      TakeFailure(chunk, ticket.status());
      return true;
    }
    chunk.ticket = *ticket;
    chunk.published_ns = MonotonicNs();
    chunk.state = Chunk::kPublished;
    ++published_;
    return true;
  }

  bool Reap(Chunk& chunk) {
    Completion completion;
    if (!ring_.TryReap(chunk.ticket, completion)) return false;
    TakeSlot(chunk, completion);
    return true;
  }

  void TakeSlot(Chunk& chunk, const Completion& completion) {
    --published_;
    statistics_.slot_latency.Record(MonotonicNs() - chunk.published_ns);
    chunk.state = Chunk::kEnded;
    chunk.result = completion.result;
    if (!completion.ok()) TakeFailure(chunk, completion.ToStatus(operation_.name()));
  }

  // --- folding ---

  /// Folds ended chunks from the oldest on, and ends sources. True if anything was.
  bool FoldEnded() {
    bool progress = false;
    while (!sources_.empty()) {
      Source& source = sources_.front();
      if (source.chunks == 0) {
        if (!source.AllStarted()) break;
        EndSource();
      } else if (At(oldest_).state == Chunk::kEnded) {
        FoldOldest();
      } else {
        break;
      }
      progress = true;
    }
    return progress;
  }

  void FoldOldest() {
    Chunk& chunk = At(oldest_);
    Source& source = *chunk.source;
    if (source.status.ok() && chunk.status.ok() && chunk.bytes > 0) {
      if (std::optional<Work> more = source.fold->Fold(Landed(chunk), chunk.result); more.has_value()) {
        chunk.work = *more;
        chunk.state = Chunk::kLanded;
        return;
      }
      source.bytes += chunk.bytes;
      statistics_.bytes += chunk.bytes;
    }
    if (source.status.ok()) source.status = chunk.status;
    if (source.status.ok() && chunk.bytes < chunk.length) source.status = EndedEarly(chunk);
    source.ended_early |= !source.status.ok();
    ++statistics_.chunks;
    --source.chunks;
    free_buffers_.push_back(chunk.buffer_index);
    ++oldest_;
  }

  static absl::Status EndedEarly(const Chunk& chunk) {
    const PumpSource& source = chunk.source->parts;
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat(source.volume->name(), " ends at byte ", chunk.offset + chunk.bytes, ", not at ",
                                       source.length_bytes, " as when it was opened")),
                     Fix("keep the file from being truncated while it is read, and read it again"));
  }

  void EndSource() {
    Source& source = sources_.front();
    if (first_error_.ok()) first_error_ = source.status;
    feed_.End({source.parts.index, source.bytes, source.status, source.fold->End()});
    sources_.pop_front();
  }

  // --- waiting and ending ---

  /// Waits for the next read or slot. At most one system call, which also submits what was started.
  absl::Status Wait() {
    uint32_t reading = 0;
    for (const Reader* reader : readers_) reading += reader->in_flight() > 0 ? 1 : 0;
    if (reading == 0) return WaitForSlot();
    const absl::Duration timeout = published_ > 0 || reading > 1 ? kShortWait : kLongWait;
    for (Reader* reader : readers_) {
      if (reader->in_flight() == 0) continue;
      PENSTOCK_ASSIGN_OR_RETURN(const size_t count, reader->Wait(absl::MakeSpan(results_), timeout));
      for (size_t i = 0; i < count; ++i) TakeRead(results_[i]);
    }
    return absl::OkStatus();
  }

  /// No read is in flight: the oldest published slot is what everything waits for.
  absl::Status WaitForSlot() {
    for (uint64_t sequence = oldest_; sequence != next_; ++sequence) {
      Chunk& chunk = At(sequence);
      if (chunk.state != Chunk::kPublished) continue;
      absl::StatusOr<Completion> completion = ring_.Wait(chunk.ticket, kLongWait);
      if (completion.ok()) {
        TakeSlot(chunk, *completion);
      } else if (absl::Nanoseconds(static_cast<int64_t>(MonotonicNs() - chunk.published_ns)) > options_.slot_timeout) {
        return Annotate(completion.status(), absl::StrCat("a chunk's slot, published over ",
                                                          absl::FormatDuration(options_.slot_timeout), " ago, is held up"));
      }
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));  // the ring is full of somebody else's slots
    return absl::OkStatus();
  }

  void ReportProgress() {
    if (!options_.progress) return;
    const uint64_t now = MonotonicNs();
    if (now < next_progress_ns_) return;
    next_progress_ns_ = now + kProgressNs;
    options_.progress(statistics_.bytes);
  }

  /// Starts nothing more. What is in flight comes back as usual, most of it as cancelled.
  void Cancel() {
    if (feed_ended_ && cancelled_) return;
    cancelled_ = true;
    feed_ended_ = true;
    const absl::Status status = MakeError(absl::StatusCode::kCancelled, What("the run was cancelled"), Fix("start it again"));
    if (first_error_.ok()) first_error_ = status;
    for (Source& source : sources_) {
      source.ended_early = true;
      if (source.status.ok()) source.status = status;
    }
    for (Reader* reader : readers_) reader->CancelAll();
  }

  /// The run cannot go on. Gets everything back that can be, so that memory can be freed, and ends every source.
  void GiveUp(const absl::Status& status) {
    if (first_error_.ok()) first_error_ = status;
    feed_ended_ = true;
    for (Reader* reader : readers_) memory_in_use_ |= !reader->Drain(options_.drain_timeout).ok();
    for (uint64_t sequence = oldest_; sequence != next_; ++sequence) {
      Chunk& chunk = At(sequence);
      if (chunk.state != Chunk::kPublished) continue;
      memory_in_use_ |= !ring_.Wait(chunk.ticket, memory_in_use_ ? absl::ZeroDuration() : options_.drain_timeout).ok();
    }
    while (!sources_.empty()) {
      Source& source = sources_.front();
      if (source.status.ok()) source.status = status;
      EndSource();
    }
  }

  LiveRing& ring_;
  const BufferPool& pool_;
  const uint32_t buffer_handle_;
  Operation& operation_;
  const PumpOptions& options_;
  PumpFeed& feed_;

  std::deque<Source> sources_;          // in the order of their bytes; reads are for the last one, folds for the first
  std::vector<Reader*> readers_;        // of the sources so far
  std::vector<Chunk> window_;           // chunk `sequence` is at sequence % size
  std::vector<uint32_t> free_buffers_;  // the last one freed is the next one used: it may still be in a cache
  std::vector<ChunkResult> results_;
  uint64_t oldest_ = 0;     // sequence of the oldest chunk that is not folded
  uint64_t next_ = 0;       // sequence of the next chunk to start
  uint32_t published_ = 0;  // chunks whose slots have not ended
  bool feed_ended_ = false;
  bool cancelled_ = false;

  PumpStatistics statistics_;
  absl::Status first_error_;
  bool memory_in_use_ = false;
  uint64_t next_progress_ns_ = 0;
};

}  // namespace

PumpOutcome RunPump(const PumpParts& parts, const PumpOptions& options, PumpFeed& feed) {
  return Pump(parts, options, feed).Run();
}

}  // namespace penstock
