// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a result has to say of the machine, for another person to repeat it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/types/span.h"

namespace penstock::bench {

/// The host as `penstock probe --json` tells it, its processors, and each volume. Cost: as a probe, a small read by every path of
/// every volume.
nlohmann::ordered_json EnvironmentJson(absl::Span<const std::string> volumes);

}  // namespace penstock::bench
