// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an errno of a read means for the caller, and what to do about it.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "penstock/read_path.h"
#include "penstock/volume.h"

namespace penstock::driver {

/// The bytes of a volume that a read was about.
struct Extent {
  const Volume& volume;
  uint64_t offset_bytes;
  uint32_t length_bytes;
};

/// The codes are those of ChunkResult; `error_number` is attached. Threads: any.
absl::Status ReadError(int error_number, ReadPath path, const Extent& extent);

}  // namespace penstock::driver
