// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What somebody may have meant by a name that does not exist.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace penstock::bench {

/// Letters to insert, delete, replace or swap with their neighbour until `a` is `b`. Cost: the product of their lengths.
size_t EditDistance(absl::string_view a, absl::string_view b);

/// The name among `names` that is nearest to `name`: nothing if none is near.
std::optional<std::string> NearestName(absl::string_view name, absl::Span<const absl::string_view> names);

}  // namespace penstock::bench
