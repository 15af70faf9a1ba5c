// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anybody's memory, made reachable for GPUs.
#pragma once

#include <cstddef>
#include <memory>
#include <set>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "penstock/layout/target.h"

namespace penstock::hip {

/// A piece of the host's memory that the process has pinned for its GPUs.
struct PinnedPiece;

/// The host's pages that a device reaches. Each page is pinned once in the process, for all GPUs, however many buffers share it
/// and however many devices are given them: it is unpinned with the last of these devices. Threads: any, each object one at a
/// time.
class HostPages {
 public:
  HostPages() = default;
  ~HostPages();
  HostPages(const HostPages&) = delete;
  HostPages& operator=(const HostPages&) = delete;

  /// Makes every page of `memory` reachable for the current GPU; that one's address of its first byte. Memory of a GPU, and what
  /// the application has pinned itself, is taken as it is; the current GPU gets access to another one's.
  /// Errors: ResourceExhausted: more locked memory than allowed; FailedPrecondition: it is of a GPU that the current one cannot
  /// reach; Unavailable, for one: the application has pinned some pages of it, and not all. Then nothing is kept of it. Cost: a
  /// question to the library for each page that the application has pinned.
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory);

  /// Keeps everything pinned for ever.
  void Abandon();

  /// Resets `gpu`, by which nothing is pinned any more that was pinned while it was current. Requires: it is current.
  static void ResetGpu(int gpu);

 private:
  std::set<std::shared_ptr<PinnedPiece>> used_;
};

}  // namespace penstock::hip
