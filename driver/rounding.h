// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// To multiples of a block, a page, an alignment.
#pragma once

#include <cstdint>

namespace penstock::driver {

/// What memory is mapped and pinned by, and cut into for controllers.
inline constexpr uint32_t kPageBytes = 4096;

/// Requires: step is not 0.
constexpr uint64_t RoundDown(uint64_t value, uint64_t step) { return value - value % step; }
/// Requires: step is not 0, and the result fits.
constexpr uint64_t RoundUp(uint64_t value, uint64_t step) { return RoundDown(value + step - 1, step); }

}  // namespace penstock::driver
