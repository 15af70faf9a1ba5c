// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One serving thread of an I/O service: takes requests from its queues, starts reads, and tells the kernel how they ended.
//
//   published -> claimed -> held (no room) -> transferring -> ended -> told
//
// It takes its queues in turn, a bounded share of each at a time, and who got something first is last the next time: so no queue
// waits for another's flood.
#pragma once

#include <atomic>
#include <deque>
#include <limits>
#include <optional>

#include "penstock/io_service.h"
#include "penstock/reader.h"
#include "runtime/io_intake.h"
#include "runtime/io_lanes.h"
#include "runtime/io_log.h"
#include "runtime/io_tables.h"
#include "runtime/io_tally.h"
#include "runtime/io_trace.h"

namespace penstock {

/// Threads: Run is the thread; the others any.
class IoServer {
 public:
  struct Parts {
    LiveIoQueues queues;
    IoTables& tables;
    const IoServiceOptions& options;
    IoLog& log;
    IoTally& tally;
  };

  /// Serves the queues `first`, `first` + `step`, and so on, each from where it is now. Borrows everything.
  IoServer(const Parts& parts, u32 first, u32 step);

  /// Serves until RequestStop, and then until nothing is in flight any more.
  void Run();

  /// Requests end now, and at `deadline_ns` (MonotonicNs) at the latest. Who calls rings the alarm.
  void RequestStop(uint64_t deadline_ns);
  /// No request is claimed, and the queues' memory is not touched any more.
  bool quiet() const { return quiet_.load(std::memory_order_acquire); }
  /// Nothing is in flight, and every queue is closed: the thread ends.
  bool drained() const { return drained_.load(std::memory_order_acquire); }
  /// What was off the roster at this version is not used any more.
  bool HasSeen(u64 version) const { return drained() || seen_version_.load(std::memory_order_acquire) >= version; }

 private:
  /// A request that is claimed, by its slot.
  struct Flight {
    layout::IoRequest request = {};
    const IoSource* source = nullptr;  // pinned, or null
    const IoDestination* destination = nullptr;
    Reader* reader = nullptr;
    ReadPath path = ReadPath::kPread;
    IoRequestTimes times = {};
  };
  struct Queue {
    Queue(u32 place, layout::LiveIoQueue& queue, u64& bell) : index(place), intake(queue, bell) {}

    u64 TagOf(u32 slot) const { return u64{index} * layout::kMaxIoSlots + slot; }

    const u32 index;  // in queues_
    IoIntake intake;
    std::array<Flight, layout::kMaxIoSlots> flights = {};
    std::optional<u32> held;  // a slot that waits for room; nothing is taken meanwhile
    uint64_t counted_errors = 0;
  };

  // --- requests ---
  bool TakeAll();
  bool TakeShare(Queue& queue);
  void Admit(Queue& queue, const IoIntake::Taken& taken);
  layout::IoCause Prepare(Flight& flight);
  bool TryStart(Queue& queue, u32 slot);
  layout::IoCause Start(const Queue& queue, u32 slot);

  // --- ends ---
  void TakeResult(const ChunkResult& result);
  void End(Queue& queue, u32 slot, layout::IoEnd end);
  void Release(Flight& flight);
  bool PublishEnds();
  void NoteTimes(Queue& queue);

  // --- waiting ---
  bool Collect(absl::Duration timeout);
  bool HasWork() const;
  void WaitForWork();
  void Sync();

  // --- stopping ---
  void EndRequests();
  void EndWhatIsHeld();
  void Drain();

  size_t After(size_t index) const { return index + 1 < queues_.size() ? index + 1 : 0; }
  bool AnyInFlight() const;

  const IoServiceOptions& options_;
  layout::IoAlarm& alarm_;
  IoTables& tables_;
  IoLog& log_;
  IoTally& tally_;
  const IoTrace<> trace_;
  std::deque<Queue> queues_;
  std::optional<IoLanes> lanes_;          // made and closed by the thread
  std::vector<u32> volume_reads_;         // in flight, by the volume's index in the roster
  size_t next_queue_ = 0;                 // whose turn it is
  bool landed_in_device_memory_ = false;  // since the last flush
  bool is_stopping_ = false;
  bool is_quiet_ = false;  // as quiet_, for the thread itself
  uint64_t now_ns_ = 0;    // as of the last look
  uint64_t last_progress_ns_ = 0;

  std::atomic<bool> stop_requested_{false};
  std::atomic<uint64_t> stop_deadline_ns_{std::numeric_limits<uint64_t>::max()};
  std::atomic<bool> quiet_{false};
  std::atomic<bool> drained_{false};
  std::atomic<u64> seen_version_{0};
};

}  // namespace penstock
