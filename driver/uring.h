// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One io_uring: set up with the best that the kernel has, entered with at most one system call at a time, closed at the end.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "driver/fixed_fifo.h"

namespace penstock::driver {

/// A request that has ended: what the kernel says, as it is.
struct UringCompletion {
  uint64_t user_data = 0;
  int32_t result = 0;
};

/// Threads: registration before the first Submit or Wait may be done anywhere; from then on one thread, the one that came first.
class Uring {
 public:
  struct Options {
    uint32_t entries = 0;      // room for so many requests that are not yet submitted
    bool big_entries = false;  // 128-byte requests and 32-byte completions, for passthrough. Kernel 5.19.
    bool poll_device = false;  // IOPOLL: completions are looked for, not announced by interrupts. O_DIRECT and passthrough only.
    bool kernel_thread = false;  // SQPOLL: a kernel thread looks for requests; submitting needs no system call while it is awake
  };

  /// This user_data marks requests of the ring's own; their completions do not surface.
  static constexpr uint64_t kOwnUserData = ~uint64_t{0};

  /// Errors, errno attached: Unavailable (not there, switched off, too old), ResourceExhausted (memory, descriptors).
  static absl::StatusOr<std::unique_ptr<Uring>> Open(const Options& options);
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  /// Registers buffer i as regions[i]. Errors, errno attached: ResourceExhausted (locked-memory limit), FailedPrecondition
  /// (memory that the kernel cannot pin for long), Unavailable.
  absl::Status RegisterMemory(absl::Span<const absl::Span<std::byte>> regions);

  /// Puts `fd` into the kernel's file table, which saves a lookup for each read. Where that cannot be done, nothing is lost.
  void RegisterFile(int fd);
  void UnregisterFile(int fd);
  /// Makes `entry` read from `fd` by way of the table, if it is there. To be called after the io_uring_prep_ function.
  void UseRegisteredFile(io_uring_sqe& entry, int fd) const;

  /// A cleared entry to prepare; null when `entries` are waiting to be submitted.
  io_uring_sqe* TryGetEntry() { return io_uring_get_sqe(&ring_); }
  /// Asks for a request to be given up, or with IORING_ASYNC_CANCEL_ANY in `flags` all of them. Submits if there is no room.
  void Cancel(uint64_t user_data, int flags = 0);

  /// One system call, none if nothing is queued. Errors: Unavailable; Internal on a second thread.
  absl::Status Submit();
  /// Submits, and waits for `count` completions for at most `timeout`, in one system call; in none if there is nothing to submit
  /// and a completion has come already. A timeout or a signal is no error. With poll_device: asks the device again and again,
  /// each time by a system call. Errors: as Submit.
  absl::Status Wait(absl::Duration timeout, uint32_t count = 1);
  /// Takes completions that have come. Never blocks, no system call.
  size_t Take(absl::Span<UringCompletion> completions);

  /// Times that the kernel was entered to submit or to wait, so far.
  uint64_t enter_count() const { return enter_count_; }

 private:
  explicit Uring(const Options& options) : options_(options), polled_(options.poll_device ? 2 * options.entries : 0) {}
  absl::Status EnableOnFirstUse();
  int PollDevice(absl::Duration timeout, uint32_t count);
  void EmptyRing();
  size_t TakeFromRing(absl::Span<UringCompletion> completions);

  const Options options_;
  io_uring ring_{};
  bool opened_ = false;
  bool enabled_ = false;
  uint64_t enter_count_ = 0;
  FixedFifo<UringCompletion> polled_;   // found by PollDevice, and not taken yet; room for as many as the ring has
  std::vector<bool> registered_files_;  // by descriptor: a file's place in the kernel's table is its descriptor's number
};

}  // namespace penstock::driver
