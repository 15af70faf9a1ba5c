// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an errno of a read or write means for the caller, and what to do about it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "penstock/direction.h"
#include "penstock/read_path.h"
#include "penstock/volume.h"

namespace penstock::driver {

/// The bytes of a volume that a read or write was about.
struct Extent {
  const Volume& volume;
  uint64_t offset_bytes;
  uint32_t length_bytes;
  Direction direction = Direction::kRead;
};

/// "reading N bytes at offset O of V": how every error of a read or write begins.
std::string ActOn(const Extent& extent);

/// The codes are those of ChunkResult; `error_number` is attached. Threads: any.
absl::Status ReadError(int error_number, ReadPath path, const Extent& extent);

}  // namespace penstock::driver
