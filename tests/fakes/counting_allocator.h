// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Replaces operator new of the binary that it is linked into, and counts.
#pragma once

#include <cstdint>

namespace penstock::fakes {

/// Allocations by operator new so far, in all threads.
uint64_t AllocationCount();

}  // namespace penstock::fakes
