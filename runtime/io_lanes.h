// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The queues and readers of one serving thread: a lane for each path and pool that are used together.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "penstock/io_service.h"
#include "penstock/reader.h"
#include "runtime/io_log.h"
#include "runtime/io_tables.h"
#include "runtime/io_tally.h"
#include "runtime/reader_set.h"

namespace penstock {

/// Threads: one, that of the queues.
class IoLanes {
 public:
  /// Borrows all of them.
  IoLanes(IoTables& tables, const IoServiceOptions& options, IoLog& log)
      : tables_(tables), options_(options), log_(log), readers_(options.depth) {}
  /// Requires: nothing is in flight.
  ~IoLanes();
  IoLanes(const IoLanes&) = delete;
  IoLanes& operator=(const IoLanes&) = delete;

  /// Opens and closes what the roster has got and lost since the last call; at once if it is the same. May take milliseconds: a
  /// pool's memory is pinned.
  void Sync();
  /// Of the roster that the lanes are for.
  u64 version() const { return version_; }
  bool IsOutdated() const { return tables_.version() != version_; }

  /// The reader for pinned rows, whose volume is attached to it; null if there is none, and the log says why.
  Reader* Find(const IoSource& source, const IoDestination& destination, ReadPath path);

  /// Adds to the counts what the queues have done since the last call.
  void AddUse(IoTally& tally);

  ReaderSet& readers() { return readers_; }
  /// Reads of one volume that may be in flight: where there are several, one that hangs leaves some for the others.
  u32 most_of_a_volume() const { return volume_count_ > 1 ? options_.depth - options_.depth / 4 : options_.depth; }

 private:
  struct Lane {
    std::unique_ptr<ReadQueue> queue;
    std::unique_ptr<Reader> reader;
    std::vector<const Volume*> attached;  // by index in the roster
    bool refused = false;                 // it was tried, and could not be opened
    // What was counted already.
    uint64_t resubmitted = 0;
    uint64_t bounce_bytes = 0;
    uint64_t commands = 0;
  };
  /// All lanes of a pool.
  struct PoolLanes {
    const BufferPool* pool = nullptr;
    std::array<Lane, kReadPaths.size()> lanes;
  };

  Lane* TryFind(const IoSource& source, const IoDestination& destination, ReadPath path);
  void Leave(const IoRoster& roster);
  void Join(const IoRoster& roster);
  void Open(Lane& lane, ReadPath path, const BufferPool& pool);
  void Close(Lane& lane);

  IoTables& tables_;
  const IoServiceOptions& options_;
  IoLog& log_;
  u64 version_ = 0;
  u32 volume_count_ = 0;
  std::vector<PoolLanes> pools_;  // by index in the roster
  ReaderSet readers_;
};

/// What a service opens queues with.
ReadQueueOptions IoQueueOptions(const IoServiceOptions& options);

}  // namespace penstock
