// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The stages of a read, in their order: each begins where the one before ends.
#pragma once

#include <array>
#include <cstddef>

namespace penstock::bench {

enum class Stage {
  kQueued,   // due, to handed to Linux
  kDevice,   // to its completion taken: Linux's submission, the disk, the interrupt, the waking
  kLanded,   // to its slot published
  kClaimed,  // to its slot taken up by a workgroup
  kDone,     // to the end of its handler
  kReaped,   // to its end seen by the host
};

/// As result files name them.
inline constexpr std::array kStageNames = {"queued", "device", "landed", "claimed", "done", "reaped"};
inline constexpr size_t kStageCount = kStageNames.size();
/// Stages below it are there without a device.
inline constexpr size_t kHostStageCount = 2;

/// Something of each stage.
template <typename T>
struct EachStage {
  std::array<T, kStageCount> of = {};

  T& operator[](Stage stage) { return of[static_cast<size_t>(stage)]; }
  const T& operator[](Stage stage) const { return of[static_cast<size_t>(stage)]; }
};

}  // namespace penstock::bench
