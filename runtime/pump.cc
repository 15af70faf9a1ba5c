// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/pump.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "runtime/pump_inlet.h"

namespace penstock {
namespace {

constexpr absl::Duration kLongWait = absl::Milliseconds(100);       // between looks at `cancel` and the device
constexpr absl::Duration kShortWait = absl::Milliseconds(1);        // when a slot may end before a read does
constexpr absl::Duration kSlotsOnlyWait = absl::Microseconds(100);  // when an inlet has slots and no reads, beside one with reads
constexpr uint64_t kProgressNs = 100'000'000;
constexpr uint64_t kDeviceCheckNs = 100'000'000;  // a look at the device may be a system call: not for every wait

/// Goes round the inlets, and waits when none of them can go on.
class Pump {
 public:
  Pump(const PumpParts& parts, const PumpOptions& options, PumpFeed& feed) : run_(parts, options, feed) {
    PENSTOCK_CHECK(options.chunk_bytes > 0 && options.chunk_bytes <= run_.pool.buffer_bytes());
    for (uint32_t index = 0; index < feed.inlet_count(); ++index) inlets_.emplace_back(index, run_);
    active_ = inlets_.size();
  }

  PumpOutcome Run() {
    while (active_ > 0) {
      while (MakeProgress()) {
        others_since_ns_ = 0;
        ReportProgress();
      }
      if (active_ == 0) break;
      if (const absl::Status status = Wait(); !status.ok()) {
        GiveUp(status);
        break;
      }
      const std::atomic<bool>* const cancel = run_.options.cancel;
      if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) Cancel();
    }
    return {run_.first_error, run_.statistics, memory_in_use_};
  }

 private:
  /// Does everything that can be done without waiting. True if there was anything.
  bool MakeProgress() {
    bool progress = PublishLanded();
    active_ = 0;
    for (PumpInlet& inlet : inlets_) {
      progress |= inlet.ReapAndFold();
      active_ += inlet.Ended() ? 0 : 1;
    }
    progress |= StartReads();
    return progress;
  }

  /// Once for all that has landed, and before the device is told of any of it.
  void FlushPeerWrites() {
    if (!run_.has_peer_writes) return;
    run_.has_peer_writes = false;
    run_.device.FlushPeerWrites();
  }

  /// Where the ring is too small for all, whoever gets nothing is first the next time.
  bool PublishLanded() {
    FlushPeerWrites();
    bool progress = false;
    std::optional<size_t> first;
    ForEachFrom(first_to_publish_, [&](size_t index) {
      PumpInlet& inlet = inlets_[index];
      const bool published = inlet.PublishLanded();
      progress |= published;
      if (inlet.HasLanded() && !first.has_value()) first = published ? After(index) : index;
    });
    first_to_publish_ = first.value_or(first_to_publish_);
    return progress;
  }

  /// In equal shares: what an inlet that waits for a slow read holds is never another's. They grow as inlets end. With fewer
  /// buffers than inlets, whoever gets none is first the next time.
  bool StartReads() {
    if (active_ == 0) return false;
    const uint32_t share = std::max(1u, run_.pool.buffer_count() / static_cast<uint32_t>(active_));
    bool progress = false;
    std::optional<size_t> first;
    ForEachFrom(first_to_read_, [&](size_t index) {
      PumpInlet& inlet = inlets_[index];
      if (inlet.Ended()) return;
      progress |= inlet.StartReads(share);
      if (inlet.IsEmpty() && !first.has_value()) first = index;
    });
    first_to_read_ = first.value_or(first_to_read_);
    return progress;
  }

  size_t After(size_t index) const { return index + 1 < inlets_.size() ? index + 1 : 0; }

  template <typename Step>
  void ForEachFrom(size_t first, Step step) {
    size_t index = first;
    for (size_t count = inlets_.size(); count > 0; --count) {
      step(index);
      index = After(index);
    }
  }

  // --- waiting ---

  /// Waits for the next read or slot. With one reader at most one system call, which also submits what was started.
  absl::Status Wait() {
    PENSTOCK_RETURN_IF_ERROR(CheckDevice());
    PENSTOCK_RETURN_IF_ERROR(CheckSlots());
    if (!run_.readers.AnyInFlight()) return WaitForSlot();
    return run_.readers.Wait(ReadTimeout(), [this](const ChunkResult& result) {
      PumpChunk& chunk = run_.chunks.OfBuffer(result.tag);
      chunk.inlet->TakeRead(chunk, result);
    });
  }

  absl::Duration ReadTimeout() const {
    absl::Duration timeout = kLongWait;
    for (const PumpInlet& inlet : inlets_) {
      if (inlet.HasSlots()) timeout = std::min(timeout, inlet.IsReading() ? kShortWait : kSlotsOnlyWait);
    }
    return timeout;
  }

  /// No read is in flight: the slot that was published first is what everything waits for. Another inlet's may end before it.
  absl::Status WaitForSlot() {
    PumpChunk* oldest = nullptr;
    size_t waiting = 0;
    for (PumpInlet& inlet : inlets_) {
      PumpChunk* const chunk = inlet.OldestPublished();
      if (chunk == nullptr) continue;
      ++waiting;
      if (oldest == nullptr || chunk->published_ns < oldest->published_ns) oldest = chunk;
    }
    if (oldest == nullptr) return WaitForOthersSlots();
    const absl::StatusOr<Completion> completion = run_.ring.Wait(oldest->ticket, waiting == 1 ? kLongWait : kShortWait);
    if (completion.ok()) oldest->inlet->TakeSlot(*oldest, *completion);
    return absl::OkStatus();
  }

  /// What has landed finds the ring full, and no slot in it is the pump's.
  absl::Status WaitForOthersSlots() {
    const uint64_t now = MonotonicNs();
    if (others_since_ns_ == 0) others_since_ns_ = now;
    if (absl::Nanoseconds(static_cast<int64_t>(now - others_since_ns_)) > run_.options.slot_timeout) {
      return MakeError(absl::StatusCode::kDeadlineExceeded,
                       What(absl::StrCat("the ring has been full of others' slots for ",
                                         absl::FormatDuration(run_.options.slot_timeout), ", so that no chunk can be published")),
                       Fix("reap what else was published in it before a run, or give the run a device of its own"));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    return absl::OkStatus();
  }

  /// A device that is lost has ended every slot in flight as a fault, so that giving up need not wait for them.
  absl::Status CheckDevice() {
    const uint64_t now = MonotonicNs();
    if (now < next_device_check_ns_) return absl::OkStatus();
    next_device_check_ns_ = now + kDeviceCheckNs;
    return run_.device.Check();
  }

  /// A slot that holds up its inlet for too long ends the run, whatever the other inlets do.
  absl::Status CheckSlots() {
    for (PumpInlet& inlet : inlets_) {
      PumpChunk* const chunk = inlet.HeldUpBy();
      if (chunk == nullptr) continue;
      const uint64_t age_ns = MonotonicNs() - chunk->published_ns;
      if (absl::Nanoseconds(static_cast<int64_t>(age_ns)) <= run_.options.slot_timeout) continue;
      const absl::StatusOr<Completion> completion = run_.ring.Wait(chunk->ticket, absl::ZeroDuration());
      if (!completion.ok()) {
        return Annotate(completion.status(), absl::StrCat("a chunk's slot, published over ",
                                                          absl::FormatDuration(run_.options.slot_timeout), " ago, is held up"));
      }
      inlet.TakeSlot(*chunk, *completion);
    }
    return absl::OkStatus();
  }

  void ReportProgress() {
    if (!run_.options.progress) return;
    const uint64_t now = MonotonicNs();
    if (now < next_progress_ns_) return;
    next_progress_ns_ = now + kProgressNs;
    run_.options.progress(run_.statistics.bytes);
  }

  // --- ending ---

  /// Starts and publishes nothing more. What is in flight comes back as usual, most of it as cancelled.
  void Cancel() {
    if (cancelled_) return;
    cancelled_ = true;
    const absl::Status status = MakeError(absl::StatusCode::kCancelled, What("the run was cancelled"), Fix("start it again"));
    if (run_.first_error.ok()) run_.first_error = status;
    for (PumpInlet& inlet : inlets_) inlet.Cancel(status);
    run_.readers.CancelAll();
  }

  /// The run cannot go on. Gets everything back that can be, so that memory can be freed, and ends every source.
  void GiveUp(const absl::Status& status) {
    if (run_.first_error.ok()) run_.first_error = status;
    memory_in_use_ = !run_.readers.Drain(run_.options.drain_timeout).ok();
    for (PumpInlet& inlet : inlets_) {
      memory_in_use_ |= !inlet.GiveUp(status, memory_in_use_ ? absl::ZeroDuration() : run_.options.drain_timeout);
    }
  }

  PumpRun run_;
  std::deque<PumpInlet> inlets_;
  size_t active_ = 0;  // inlets that have not ended
  size_t first_to_publish_ = 0;
  size_t first_to_read_ = 0;
  bool cancelled_ = false;
  bool memory_in_use_ = false;
  uint64_t others_since_ns_ = 0;  // the ring has been full of others' slots; 0: it is not
  uint64_t next_progress_ns_ = 0;
  uint64_t next_device_check_ns_ = 0;
};

}  // namespace

PumpOutcome RunPump(const PumpParts& parts, const PumpOptions& options, PumpFeed& feed) {
  return Pump(parts, options, feed).Run();
}

}  // namespace penstock
