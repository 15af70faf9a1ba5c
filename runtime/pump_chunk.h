// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A chunk on its way from a read to its fold, and the source that it is of.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "penstock/operation.h"
#include "penstock/pump.h"
#include "runtime/chunk_order.h"

namespace penstock {

class PumpInlet;

/// A source that has been asked for and has not ended.
struct OpenSource {
  PumpSource parts;
  std::unique_ptr<SourceFold> fold;
  ChunkOrder order;
  uint64_t started_bytes = 0;   // of the extent: that reads were started for
  uint64_t started_chunks = 0;  //
  uint64_t bytes = 0;           // folded
  uint32_t chunks = 0;          // in the window
  bool ended_early = false;     // no more reads are started
  absl::Status status = absl::OkStatus();

  bool AllStarted() const { return ended_early || started_bytes >= parts.length_bytes; }
};

/// A place in an inlet's window. There is one for each buffer of the pool.
struct PumpChunk {
  enum State { kReading, kLanded, kPublished, kEnded };
  State state = kReading;
  uint32_t buffer_index = 0;
  PumpInlet* inlet = nullptr;
  OpenSource* source = nullptr;
  PumpChunk* next = nullptr;  // in the order of the reads
  uint64_t offset = 0;        // from the extent's start
  uint32_t length = 0;        // asked for
  uint32_t bytes = 0;         // landed
  Ticket ticket = {};
  Work work = {};  // what to publish, when landed
  uint64_t published_ns = 0;
  uint64_t result = 0;
  absl::Status status = absl::OkStatus();

  uint64_t volume_offset() const { return source->parts.offset_bytes + offset; }
};

/// All chunks of a run, by the index of their buffer.
class PumpChunks {
 public:
  explicit PumpChunks(uint32_t count) : chunks_(count) {
    free_.reserve(count);
    for (uint32_t index = count; index > 0; --index) free_.push_back(index - 1);
  }

  bool AnyFree() const { return !free_.empty(); }
  /// A chunk with nothing in it but its buffer. Requires: AnyFree().
  PumpChunk& Take() {
    const uint32_t index = free_.back();
    free_.pop_back();
    chunks_[index] = {.buffer_index = index};
    return chunks_[index];
  }
  void Return(const PumpChunk& chunk) { free_.push_back(chunk.buffer_index); }
  PumpChunk& OfBuffer(uint64_t buffer_index) { return chunks_[buffer_index]; }

 private:
  std::vector<PumpChunk> chunks_;
  std::vector<uint32_t> free_;  // the last one freed is the next one used: it may still be in a cache
};

}  // namespace penstock
