// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/source_extent.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {
namespace {

absl::Status NotWholeBlocks(std::string_view what, uint64_t bytes, const SourceBounds& bounds) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   What(absl::StrCat(std::string(what), " ", bytes, " is not a multiple of the logical block of ", bounds.name,
                                     ", ", bounds.block_bytes, " bytes")),
                   Fix(absl::StrCat("use an offset and a length that are multiples of ", bounds.block_bytes)));
}

}  // namespace

SourceBounds BoundsOf(const Volume& volume) {
  return {.name = volume.name(), .size_bytes = volume.size_bytes(), .block_bytes = volume.block_bytes()};
}

absl::StatusOr<SourceExtent> ResolveExtent(const ExtentRequest& request, const SourceBounds& bounds) {
  if (request.offset_bytes > bounds.size_bytes) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat("offset ", request.offset_bytes, " is past the end of ", bounds.name, ", which has ",
                                       bounds.size_bytes, " bytes")),
                     Fix(absl::StrCat("use an offset of at most ", bounds.size_bytes)));
  }
  const uint64_t left_bytes = bounds.size_bytes - request.offset_bytes;
  const uint64_t length_bytes = request.length_bytes.value_or(left_bytes);
  if (length_bytes > left_bytes) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat(length_bytes, " bytes from offset ", request.offset_bytes, " end past the end of ",
                                       bounds.name, ", which has ", bounds.size_bytes, " bytes")),
                     Fix(absl::StrCat("use a length of at most ", left_bytes, ", or leave it out to read to the end")));
  }
  if (request.offset_bytes % bounds.block_bytes != 0) return NotWholeBlocks("offset", request.offset_bytes, bounds);
  if (length_bytes % bounds.block_bytes != 0) return NotWholeBlocks("length", length_bytes, bounds);
  return SourceExtent{request.offset_bytes, length_bytes};
}

absl::Status EndedEarly(const SourceBounds& bounds, uint64_t end_bytes, uint64_t expected_bytes) {
  if (bounds.block_bytes > 1) {
    return MakeError(absl::StatusCode::kUnavailable,
                     What(absl::StrCat("the device ", bounds.name, " is gone or gives no more: nothing came from byte ",
                                       end_bytes, " on, up to ", expected_bytes, " were to come")),
                     Fix("look in the kernel log (dmesg) for the device, and open it again"));
  }
  return MakeError(
      absl::StatusCode::kOutOfRange,
      What(absl::StrCat(bounds.name, " ends at byte ", end_bytes, ", not at ", expected_bytes, " as when it was opened")),
      Fix("keep the file from being truncated while it is read, and read it again"));
}

}  // namespace penstock
