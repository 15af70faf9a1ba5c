// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A ReadQueue that reads and writes a volume's bytes for real, and misbehaves as scripted.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "penstock/read_queue.h"

namespace penstock::fakes {

/// Keeps what reads bring from whoever looks at their destination, until it is flushed: as a GPU's cache of what came over the
/// bus.
class PeerCache {
 public:
  /// Where the bytes for `destination` wait.
  std::byte* Hold(std::byte* destination, size_t bytes) {
    return held_.emplace_back(destination, std::vector<std::byte>(bytes)).second.data();
  }
  void Flush() {
    ++flush_count_;
    for (const auto& [destination, bytes] : held_) std::copy(bytes.begin(), bytes.end(), destination);
    held_.clear();
  }
  uint32_t flush_count() const { return flush_count_; }

 private:
  std::deque<std::pair<std::byte*, std::vector<std::byte>>> held_;
  uint32_t flush_count_ = 0;
};

/// What goes wrong with a raw read.
enum class FaultKind {
  kShort,                // delivers only `value` bytes
  kLate,                 // completes in the `value`-th Wait after it was submitted, counted from 1
  kError,                // fails with errno `value`; delivers nothing
  kNvmeStatus,           // fails with the controller's status `value`; delivers nothing
  kStuckUntilCancelled,  // completes only when cancelled, with -ECANCELED
  kStuckForEver,         // never completes, whatever is tried
  kHeld,                 // completes when Release was called, whether cancelled or not
  kHeldError,            // the same, and fails with errno `value`; delivers nothing
  kTwice,                // its completion comes twice
  kNothingDelivered,     // reports success, and leaves what was in memory
  kWrongByte,            // a read that reports success, with the first byte inverted
};

/// A line of the script. Each raw read takes the first line that is meant for its offset and not used up.
struct Fault {
  static constexpr uint64_t kAnyOffset = ~uint64_t{0};

  FaultKind kind;
  uint64_t value = 0;
  uint64_t offset_bytes = kAnyOffset;  // of the raw read, on its volume
  uint64_t times = 1;
};

/// Requirements of direct I/O are kept as the kernel does: on path read, a misaligned raw read ends in -EINVAL.
/// Bytes are delivered in the Wait that completes the read, by pread from the volume's descriptor through the page cache.
/// A Wait with nothing to complete sleeps for 1 ms at most, then returns 0: tests with short timeouts take no longer than them.
/// Threads: one at a time, like every ReadQueue. Unlike others it may allocate.
class FakeReadQueue final : public ReadQueue {
 public:
  struct Options {
    ReadPath path = ReadPath::kPread;
    uint32_t capacity = 64;
    bool shuffle = false;  // completions come in an order drawn with `seed`; otherwise as submitted
    uint32_t seed = 1;
    PeerCache* cache = nullptr;  // where what is read waits; null: it is there at once
  };

  explicit FakeReadQueue(const Options& options) : options_(options), random_(options.seed) {}

  // The script.
  void Inject(const Fault& fault) { script_.push_back(fault); }
  /// The next Wait ends at once with nothing, as after a signal.
  void InterruptNextWait() { interrupted_ = true; }
  /// The next `times` calls of Submit or Wait fail with Unavailable, and change nothing.
  void FailNextSubmits(uint32_t times) { failing_submits_ = times; }
  /// The next Wait delivers this too, whatever belongs to it.
  void InjectCompletion(const RawCompletion& completion) { extra_.push_back(completion); }
  /// Lets go of what is held. Threads: any.
  void Release() { released_.store(true); }
  /// TryQueue returns false this often, as if another user had filled the queue.
  void RefuseNext(uint32_t times) { refusals_ = times; }

  // What has been seen.
  const std::vector<RawRead>& reads() const { return reads_; }    // every raw read that was queued, in order
  uint64_t queued_count() const { return queued_count_.load(); }  // how many they were. Threads: any.
  uint32_t in_flight() const { return static_cast<uint32_t>(pending_.size()); }
  uint64_t cancel_count() const { return cancel_count_; }
  uint32_t attached_count() const { return attached_count_; }
  /// Raw reads that were handed in by Submit or Wait; only these complete.
  uint32_t submitted_in_flight() const;

  ReadPath path() const override { return options_.path; }
  uint32_t capacity() const override { return options_.capacity; }
  void Attach(const Volume&) override { ++attached_count_; }
  void Detach(const Volume&) override { --attached_count_; }
  bool TryQueue(const RawRead& read) override;
  absl::Status Submit() override;
  absl::StatusOr<size_t> Wait(absl::Span<RawCompletion> completions, absl::Duration timeout) override;
  void Cancel(uint64_t user_data) override;
  uint64_t bounce_bytes() const override { return bounce_bytes_; }

 private:
  struct Pending {
    RawRead read;
    Fault fault;
    bool submitted = false;
    bool cancelled = false;
  };

  Fault TakeFault(uint64_t offset_bytes);
  bool IsReady(Pending& pending) const;
  int64_t Deliver(const RawRead& read, size_t length_bytes);
  RawCompletion Complete(const Pending& pending);

  const Options options_;
  std::mt19937 random_;
  std::vector<Fault> script_;
  std::vector<Pending> pending_;
  std::vector<RawCompletion> extra_;
  std::vector<RawRead> reads_;
  bool interrupted_ = false;
  std::atomic<bool> released_{false};
  std::atomic<uint64_t> queued_count_ = 0;
  uint32_t failing_submits_ = 0;
  uint32_t refusals_ = 0;
  uint32_t attached_count_ = 0;
  uint64_t cancel_count_ = 0;
  uint64_t bounce_bytes_ = 0;
};

}  // namespace penstock::fakes
