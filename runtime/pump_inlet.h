// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One inlet of a pump: the sources that one controller or file system serves, read one after the other through a window of
// chunks, and folded in the order in which they were read.
#pragma once

#include <cstdint>
#include <deque>

#include "absl/status/status.h"
#include "penstock/pump.h"
#include "runtime/pump_chunk.h"
#include "runtime/reader_set.h"

namespace penstock {

/// What the inlets of a run have in common.
struct PumpRun {
  PumpRun(const PumpParts& parts, const PumpOptions& pump_options, PumpFeed& pump_feed)
      : device(*parts.device),
        ring(parts.device->ring()),
        pool(*parts.pool),
        buffer_handle(parts.buffer_handle),
        operation(*parts.operation),
        options(pump_options),
        feed(pump_feed),
        chunks(parts.pool->buffer_count()),
        readers(parts.pool->buffer_count()) {}

  Device& device;
  LiveRing& ring;
  const BufferPool& pool;
  const uint32_t buffer_handle;
  const Operation& operation;
  const PumpOptions& options;
  PumpFeed& feed;

  PumpChunks chunks;
  ReaderSet readers;  // of the sources so far
  PumpStatistics statistics;
  absl::Status first_error;
  bool has_peer_writes = false;  // chunks have landed in a device's memory since it was last told to flush them
};

/// Threads: the pump's. None of its functions waits but GiveUp.
class PumpInlet {
 public:
  PumpInlet(uint32_t index, PumpRun& run) : index_(index), run_(run) {}
  PumpInlet(const PumpInlet&) = delete;
  PumpInlet& operator=(const PumpInlet&) = delete;

  /// Every source has ended, and there are no more.
  bool Ended() const { return feed_ended_ && sources_.empty(); }
  /// It has no chunk, and so no buffer.
  bool IsEmpty() const { return window_ == 0; }
  /// There was no slot for a chunk that has landed.
  bool HasLanded() const { return landed_ > 0; }
  /// Chunks that have landed and whose slots have not ended.
  bool HasSlots() const { return landed_ + published_ > 0; }
  bool IsReading() const { return reading_ > 0; }

  // What can be done without waiting; true if there was anything. Cost: at most one load for each chunk in the window.

  /// Starts reads while there are sources, free buffers, room for reads, and fewer than `most_chunks` chunks in the window. As
  /// many sources are open at most.
  bool StartReads(uint32_t most_chunks);
  /// Publishes what has landed, the oldest first. A full ring is back-pressure: what is still landed is tried again.
  bool PublishLanded();
  /// Reaps what has ended, folds from the oldest chunk on, and ends sources.
  bool ReapAndFold();

  /// A read or a slot of a chunk of this inlet has ended.
  void TakeRead(PumpChunk& chunk, const ChunkResult& result);
  void TakeSlot(PumpChunk& chunk, const Completion& completion);

  /// The published chunk with the lowest offset, after which nothing can be folded before its slot ends; or nullptr.
  PumpChunk* OldestPublished();
  /// The same, if no read holds this inlet up: every chunk before it is folded, or has landed and waits for room in the ring.
  PumpChunk* HeldUpBy() {
    const bool by_slots = oldest_ != nullptr && (oldest_->state == PumpChunk::kPublished || oldest_->state == PumpChunk::kLanded);
    return by_slots ? OldestPublished() : nullptr;
  }

  /// Starts nothing more; what is in flight comes back as usual. Every source ends with `status`, if not with an error before.
  void Cancel(const absl::Status& status);
  /// Waits for the slots in flight, at most `timeout` for one, until one does not end; then ends every source. Reads in flight
  /// are forgotten. False if a slot did not end.
  bool GiveUp(const absl::Status& status, absl::Duration timeout);

 private:
  bool OpenNext(uint32_t most_sources);
  void StartRead(OpenSource& source);
  void Publish(PumpChunk& chunk);
  bool Reap();
  void Fail(PumpChunk& chunk, const absl::Status& status);
  void MarkLanded(PumpChunk& chunk, const Work& work);
  LandedChunk Landed(const PumpChunk& chunk) const;
  bool FoldEnded();
  void FoldOldest();
  void EndSource();

  const uint32_t index_;
  PumpRun& run_;
  std::deque<OpenSource> sources_;  // in the order of their bytes; reads are for the last one, folds for the first
  PumpChunk* oldest_ = nullptr;     // the window: chunks that are not folded, in the order of the bytes
  PumpChunk* newest_ = nullptr;
  uint32_t window_ = 0;   // chunks in it
  uint32_t reading_ = 0;  // of these, by state
  uint32_t landed_ = 0;
  uint32_t published_ = 0;
  bool feed_ended_ = false;
};

}  // namespace penstock
