// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One of a job's threads: keeps its reads in flight, sends what has landed through a device's ring, and notes when what happened.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "benchmarks/bench/access_pattern.h"
#include "benchmarks/bench/job.h"
#include "benchmarks/bench/result.h"
#include "benchmarks/bench/slot_timer.h"
#include "benchmarks/bench/stages.h"
#include "penstock/buffer_pool.h"
#include "penstock/device.h"
#include "penstock/operation.h"
#include "penstock/reader.h"
#include "penstock/volume.h"

namespace penstock::bench {

/// What a lane works with. Everything is borrowed; of its own but the volumes.
struct LaneParts {
  absl::Span<const Volume* const> volumes;  // attached to the reader's queue
  Reader* reader = nullptr;
  const BufferPool* pool = nullptr;
  Device* device = nullptr;  // null: what has landed is done; else started, with DeviceOptions::slot_times
  uint32_t buffer_handle = 0;
  const Operation* operation = nullptr;
};

/// When the lanes of a run measure. Shared by all of them.
struct Schedule {
  uint64_t begin_ns = 0;             // of the first read
  uint64_t measure_ns = 0;           // from here on reads are counted
  std::atomic<uint64_t> end_ns = 0;  // no read is started after it; may be drawn nearer while the lanes run
};

/// A read whose bytes are looked at once more after the run.
struct Sample {
  uint32_t volume = 0;
  uint64_t offset_bytes = 0;
  uint32_t length_bytes = 0;
  uint32_t crc32c = 0;
};

/// What the others may look at while a lane runs. Written by the lane alone.
struct LaneProgress {
  std::atomic<uint64_t> reads = 0;  // that were measured
  std::atomic<uint64_t> bytes = 0;
  std::atomic<uint64_t> p99_ns = 0;  // of the last whole second
};

/// Threads: Run on one; the rest before it or after, but for progress().
class Lane {
 public:
  Lane(const Job& job, uint32_t index, const LaneParts& parts, absl::Span<const VolumePart> volume_parts,
       const Schedule& schedule);

  /// Reads until the schedule ends, and then waits for what is in flight. Errors: the first of a read, a slot or the device; what
  /// was measured before it stays. Allocates nothing once it measures, unless a read fails.
  absl::Status Run();

  const Stages& stages() const { return stages_; }
  const std::vector<Second>& series() const { return series_; }
  const std::vector<Sample>& samples() const { return samples_; }
  const LaneProgress& progress() const { return progress_; }
  uint64_t verified_bytes() const { return verified_bytes_; }
  /// Of the read queue, while it was measured.
  uint64_t system_calls() const { return system_calls_; }
  /// Reads and bytes of the whole run, not only of what was measured.
  uint64_t all_reads() const { return all_reads_; }
  uint64_t all_bytes() const { return all_bytes_; }
  /// A read is still in flight: the memory must not be freed. What slots may still read the device keeps.
  bool memory_in_use() const { return memory_in_use_; }

 private:
  struct Entry {
    Moments moments;
    AccessPattern::Read read;
    Ticket ticket;
  };

  absl::Status Loop();
  bool IsOver(uint64_t now_ns) const;
  absl::Status Begin(uint64_t now_ns);
  absl::Status StartRead(uint64_t now_ns);
  absl::Status Wait(uint64_t now_ns);
  absl::Duration WaitTimeout(uint64_t now_ns) const;
  absl::Status TakeReads(size_t count, uint64_t taken_ns);
  absl::Status Publish();
  absl::Status Reap();
  absl::Status TakeSlot(Entry& entry, const Completion& completion);
  void End(uint32_t index, uint32_t crc32c);
  void TakeSample(const Entry& entry, uint32_t crc32c);
  uint32_t CrcOf(uint32_t index) const;
  bool WantsSample(const Entry& entry) const;
  void CloseSecond(uint64_t now_ns);
  absl::Status FinishInFlight();

  const Job& job_;
  const LaneParts parts_;
  const Schedule& schedule_;
  AccessPattern pattern_;
  const bool kernel_makes_crc_;
  const bool kernel_verifies_;
  double interval_ns_ = 0;  // between two reads, for a rate in reads
  double ns_per_byte_ = 0;  // for a rate in bytes

  std::optional<SlotTimer> slot_timer_;  // with a device
  std::vector<Entry> entries_;           // by buffer
  std::vector<uint32_t> free_;           // buffers; the last one freed is the next one used: it may still be in a cache
  std::vector<uint32_t> waiting_;        // started, and not yet handed to the kernel
  std::vector<uint32_t> landed_;         // in the order in which they landed
  std::vector<uint32_t> published_;      // in the order in which they were
  std::vector<ChunkResult> results_;
  double next_due_ns_ = 0;
  uint64_t spin_until_ns_ = 0;

  Stages stages_;
  LatencyHistogram second_latency_;
  Second second_;
  uint64_t second_end_ns_ = 0;
  std::vector<Second> series_;
  std::vector<Sample> samples_;
  uint64_t next_sample_ns_ = 0;
  uint64_t all_reads_ = 0;
  uint64_t all_bytes_ = 0;
  uint64_t verified_bytes_ = 0;
  std::optional<uint64_t> first_call_;  // system calls that the queue had made when measuring began
  uint64_t system_calls_ = 0;
  bool memory_in_use_ = false;
  LaneProgress progress_;
};

}  // namespace penstock::bench
