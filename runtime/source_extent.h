// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which bytes of a source an ingest run reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "penstock/volume.h"

namespace penstock {

/// What was asked for, of every source.
struct ExtentRequest {
  uint64_t offset_bytes = 0;
  std::optional<uint64_t> length_bytes = {};  // nullopt: to the end
};

/// What a source has.
struct SourceBounds {
  std::string name;
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 1;  // extents are whole blocks; 1 of a file
};

struct SourceExtent {
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;
};

SourceBounds BoundsOf(const Volume& volume);

/// The extent of this source. Errors: OutOfRange if it begins or ends past the end of the source; InvalidArgument if it is not
/// whole blocks of a block device. Threads: any.
absl::StatusOr<SourceExtent> ResolveExtent(const ExtentRequest& request, const SourceBounds& bounds);

/// A source whose reads brought nothing from byte `end_bytes` on, where `expected_bytes` were to come: OutOfRange of a file,
/// which was truncated; Unavailable of a device, which does not become shorter by itself. Threads: any.
absl::Status EndedEarly(const SourceBounds& bounds, uint64_t end_bytes, uint64_t expected_bytes);

}  // namespace penstock
