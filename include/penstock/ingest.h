// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The main job in one call: stream files into a megakernel, and get back what it made of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/buffer_pool.h"
#include "penstock/controller_counters.h"
#include "penstock/device.h"
#include "penstock/export.h"
#include "penstock/io_service.h"
#include "penstock/operation.h"
#include "penstock/pump.h"
#include "penstock/read_path.h"

namespace PENSTOCK_API penstock {

/// How a run reads. Every field has a value that works.
struct IngestOptions {
  /// nullopt: the first path that works for a source; every refusal is reported. For NVMe namespaces `nvme`, or `bar` if the
  /// buffers are a device's memory, then as for everything else `read` and `pread`. A path that is named is used or the source
  /// fails: a demand never steps down.
  std::optional<ReadPath> path;
  /// Where the buffers' memory comes from: anonymous memory, or a device's (PeerMemoryPools).
  BufferPoolMaker make_pool = BufferPool::Create;
  bool poll_device = false;         // see ReadQueueOptions; not for path pread
  bool kernel_thread = false;       // see ReadQueueOptions; not for path pread
  uint32_t chunk_bytes = 1u << 20;  // a multiple of BufferPool::kAlignment, at most kMaxChunkBytes
  uint32_t depth = 32;              // reads in flight of each controller and file system, 1 to kMaxDepth; kMaxReads in all
  uint64_t offset_bytes = 0;        // where to start on every source
  std::optional<uint64_t> length_bytes = std::nullopt;  // how much of every source; nullopt: to its end
  /// Set: each source's chunks are read in a random order, the seed's; for an operation that takes any order (Operation). To
  /// measure with. nullopt: in the order of their bytes.
  std::optional<uint64_t> shuffle_seed = std::nullopt;
  absl::Duration read_timeout = absl::Seconds(30);           // after it a read is given up and its source ends
  absl::Duration slot_timeout = absl::Seconds(60);           // after it the run ends: a handler hangs
  const std::atomic<bool>* cancel = nullptr;                 // see PumpOptions
  std::function<void(uint64_t bytes_folded)> progress = {};  // see PumpOptions

  /// The largest chunk, in bytes.
  static constexpr uint32_t kMaxChunkBytes = 256u << 20;
  /// The greatest depth.
  static constexpr uint32_t kMaxDepth = 4096;
  static constexpr uint32_t kMaxReads = 16384;  // what one io_uring can have in flight
};

/// What became of one source.
struct SourceReport {
  std::string name;               // as it was given
  uint64_t bytes = 0;             // consumed
  absl::Status status;            // OK only if every byte of the extent that the source had when it was opened was consumed
  std::optional<ReadPath> path;   // which way the bytes came; nothing if it could not be opened
  std::vector<Refusal> refusals;  // paths that were not used for it, and why
  std::string note = "";          // e.g. that the file has grown meanwhile
  OperationResult result;         // of the bytes that were consumed
};

/// What went by one path.
struct PathReport {
  ReadPath path;              // which path
  uint64_t bytes = 0;         // consumed
  Reader::Counts reads = {};  // chunk reads
  uint64_t commands = 0;      // NVMe commands that this process made: paths bar and nvme
  uint64_t bounce_bytes = 0;  // bytes that the CPU copied on their way
};

/// What became of a run.
struct IngestReport {
  std::vector<SourceReport> sources;          // in the order given
  absl::Status status;                        // the first error of any source, or of the run
  double seconds = 0;                         // from the first read to the last result
  PumpStatistics statistics;                  // bytes, chunks and latencies
  Reader::Counts reads;                       // of all paths together
  uint64_t bounce_bytes = 0;                  // bytes that the CPU copied on their way
  std::vector<PathReport> paths;              // the same by path, those that were used, best first
  std::vector<ControllerCounts> controllers;  // of the NVMe namespaces among the sources: what they say that they did
  std::optional<IoServiceCounts> service;     // of a run in which the kernel pulled
  std::string pages;                          // what the buffers lie on: "2 MiB", "transparent huge", "4 KiB" or "device memory"
};

/// Reads every source, or an extent of every source, and runs `operation` on it, on `device`, which is started and stopped.
/// Sources of one controller or file system are read one after the other, those of different ones side by side (pump.h).
/// Two buffers a read in flight: 2 * depth * chunk_bytes of locked memory for each controller and file system.
///
/// An extent that does not fit a source (OutOfRange), or is not whole blocks of a block device (InvalidArgument), is an error of
/// that source. On a file any extent will do; path `read` is refused if its offset is not what direct I/O needs. Offsets in
/// results are from the extent's start, those in errors are on the volume.
///
/// Requires: device is not running and was not used for another ingest. Errors: of the set-up (InvalidArgument,
/// ResourceExhausted); once reading has begun a report is returned, with the error in it. Threads: any, one at a time.
absl::StatusOr<IngestReport> Ingest(Device& device, absl::Span<const std::string> sources, Operation& operation,
                                    const IngestOptions& options);

}  // namespace penstock
