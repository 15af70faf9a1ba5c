// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device that a benchmark drives, and the rings that it asks for.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "penstock/cpu_device.h"
#include "penstock/hip_device.h"

namespace penstock::bench {

inline constexpr absl::Duration kPatience = absl::Seconds(20);  // for a slot, and for leaving

/// Ends the program: a benchmark has nobody to hand an error to.
inline void Require(const absl::Status& status, std::string_view what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", std::string(what).c_str(), std::string(status.message()).c_str());
  std::exit(1);
}

/// The GPU; or the CPU device, for trying a benchmark out where there is none.
enum class Target { kGpu, kCpu };

/// A device whose slots all are in one sub-ring, that of normal priority. Errors: as MakeHipDevice.
inline absl::StatusOr<std::unique_ptr<Device>> OpenDevice(Target target, u32 workgroups, u32 slots) {
  const std::array<u32, layout::kPriorityCount> slot_counts = {1, 1, slots, 1, 1};
  if (target == Target::kCpu) {
    CpuDeviceOptions options;
    options.workgroups = workgroups;
    options.ring.slot_counts = slot_counts;
    return MakeCpuDevice<>(options);
  }
  HipDeviceOptions options;
  options.workgroups = workgroups;
  options.ring.slot_counts = slot_counts;
  return MakeHipDevice(options);
}

/// Numbers, separated by commas; nothing if `text` is no such list.
inline std::vector<u32> NumberList(std::string_view text) {
  std::vector<u32> numbers;
  for (const absl::string_view word : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    u32 number = 0;
    if (!absl::SimpleAtoi(word, &number)) return {};
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace penstock::bench
