// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words of `penstock window`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace penstock::cli {

enum class WindowAction { kList, kReserve, kRelease, kCheck };

struct WindowRequest {
  WindowAction action = WindowAction::kList;
  std::optional<uint32_t> number;  // release, and check: nothing for the only window that there is
  uint64_t size_bytes = 0;         // reserve
  std::string volume;              // check; empty: the first NVMe namespace of this machine
};

/// "list", "reserve", "release" or "check".
std::string WindowActionName(WindowAction action);

/// The options that go with an action, without their dashes.
std::vector<std::string> OptionsOf(WindowAction action);

/// Of the words after "window": the action, and for release and check a number. Errors: InvalidArgument.
absl::StatusOr<WindowRequest> WindowRequestOf(const std::vector<std::string>& words);

}  // namespace penstock::cli
