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
#include "penstock/read_queue.h"

namespace penstock::driver {

/// Threads: registration before the first Submit or Wait may be done anywhere; from then on one thread, the one that came first.
class Uring {
 public:
  /// This user_data marks requests of the ring's own; their completions do not surface.
  static constexpr uint64_t kOwnUserData = ~uint64_t{0};

  /// Room for `entries` requests that are not yet submitted.
  /// Errors, errno attached: Unavailable (not there, switched off, too old), ResourceExhausted (memory, descriptors).
  static absl::StatusOr<std::unique_ptr<Uring>> Open(uint32_t entries);
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  /// Registers buffer i as regions[i]. Errors, errno attached: ResourceExhausted (locked-memory limit), Unavailable.
  absl::Status RegisterMemory(absl::Span<const absl::Span<std::byte>> regions);

  /// Puts `fd` into the kernel's file table, which saves a lookup for each read. Where that cannot be done, nothing is lost.
  void RegisterFile(int fd);
  void UnregisterFile(int fd);
  /// Makes `entry` read from `fd` by way of the table, if it is there. To be called after the io_uring_prep_ function.
  void UseRegisteredFile(io_uring_sqe& entry, int fd) const;

  /// A cleared entry to prepare; null when `entries` are waiting to be submitted.
  io_uring_sqe* TryGetEntry() { return io_uring_get_sqe(&ring_); }

  /// One system call, none if nothing is queued. Errors: Unavailable; Internal on a second thread.
  absl::Status Submit();
  /// Submits, and waits for a completion for at most `timeout`, in one system call; in none if there is nothing to submit and
  /// a completion has come already. A timeout or a signal is no error. Errors: as Submit.
  absl::Status Wait(absl::Duration timeout);
  /// Takes completions that have come. Never blocks, no system call.
  size_t Take(absl::Span<RawCompletion> completions);

 private:
  Uring() = default;
  absl::Status EnableOnFirstUse();

  io_uring ring_{};
  bool opened_ = false;
  bool enabled_ = false;
  std::vector<bool> registered_files_;  // by descriptor: a file's place in the kernel's table is its descriptor's number
};

}  // namespace penstock::driver
