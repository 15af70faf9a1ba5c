// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The barrier of a CPU workgroup that has several lanes, each a thread.
#pragma once

#include <condition_variable>
#include <mutex>

#include "penstock/device/group.h"

namespace penstock {

/// Blocks, so that more lanes than cores make progress. For testing many-lane code; one lane needs no barrier.
class LaneBarrier final : public device::LaneTeam {
 public:
  explicit LaneBarrier(u32 lanes) : lanes_(lanes) {}

  void Barrier() override {
    std::unique_lock lock(mutex_);
    const u64 round = round_;
    if (++arrived_ == lanes_) {
      arrived_ = 0;
      ++round_;
      all_here_.notify_all();
    } else {
      all_here_.wait(lock, [&] { return round_ != round; });
    }
  }

 private:
  const u32 lanes_;
  std::mutex mutex_;
  std::condition_variable all_here_;
  u32 arrived_ = 0;
  u64 round_ = 0;
};

}  // namespace penstock
