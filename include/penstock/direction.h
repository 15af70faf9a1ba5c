// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which way the bytes go between a volume and memory.
#pragma once

#include <cstdint>

#include "penstock/export.h"

namespace PENSTOCK_API penstock {

/// Which way bytes go.
enum class Direction : uint8_t {
  kRead,   // from the volume into memory
  kWrite,  // from memory onto the volume; only where it was opened with Volume::OpenForWriting
};

/// "reading" or "writing", for the texts of errors.
constexpr const char* ParticipleOf(Direction direction) { return direction == Direction::kRead ? "reading" : "writing"; }

}  // namespace penstock
