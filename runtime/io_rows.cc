// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_rows.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {
namespace {

absl::Status Invalid(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

}  // namespace

absl::StatusOr<IoSource> MakeIoSource(const Volume& volume, const IoSourceExtent& extent) {
  if (!extent.may_read && !extent.may_write) {
    return Invalid(absl::StrCat("a source on ", volume.name(), " that may neither be read nor written"),
                   "set may_read or may_write");
  }
  if (extent.may_write && !volume.writable()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     What(absl::StrCat("a source that may be written on ", volume.name(), ", which was opened to be read only")),
                     Fix("open the volume with Volume::OpenForWriting"));
  }
  if (extent.base_bytes > volume.size_bytes() || extent.length_bytes.value_or(0) > volume.size_bytes() - extent.base_bytes) {
    return MakeError(absl::StatusCode::kOutOfRange,
                     What(absl::StrCat("a source of ", extent.length_bytes.value_or(0), " bytes at ", extent.base_bytes, " of ",
                                       volume.name(), ", which has ", volume.size_bytes(), " bytes")),
                     Fix("register an extent that lies on the volume"));
  }
  return IoSource{.volume = &volume,
                  .base_bytes = extent.base_bytes,
                  .length_bytes = extent.length_bytes.value_or(volume.size_bytes() - extent.base_bytes),
                  .may_read = extent.may_read,
                  .may_write = extent.may_write};
}

absl::Status CheckAlignment(const IoSource& source) {
  const uint64_t end_bytes = source.base_bytes + source.length_bytes;
  for (const std::optional<IoRoute>& route : source.routes) {
    const u32 alignment = route.has_value() ? route->offset_alignment_bytes : 1;
    const bool ends_well = end_bytes % alignment == 0 || end_bytes == source.volume->size_bytes();
    if (source.base_bytes % alignment == 0 && ends_well) continue;
    return Invalid(
        absl::StrCat("a source from ", source.base_bytes, " to ", end_bytes, " of ", source.volume->name(), ", which path ",
                     std::string(ReadPathName(route->path)), " reads ", alignment, " bytes at a time"),
        absl::StrCat("begin and end it at multiples of ", alignment, ", or at the volume's end"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IoDestination>> MakeIoDestinations(const BufferPool& pool, const IoDestinations& pieces) {
  const uint64_t pool_bytes = pool.memory().size();
  const uint64_t length = pieces.length_bytes;
  if (pieces.count == 0 || length == 0 || length > pool.buffer_bytes() || pieces.offset_bytes > pool_bytes ||
      pieces.count > (pool_bytes - pieces.offset_bytes) / length) {
    return Invalid(absl::StrCat(pieces.count, " destinations of ", length, " bytes at ", pieces.offset_bytes, " of a pool of ",
                                pool.buffer_count(), " buffers of ", pool.buffer_bytes(), " bytes"),
                   "register pieces of 1 byte to a whole buffer that lie in the pool");
  }
  std::vector<IoDestination> destinations;
  destinations.reserve(pieces.count);
  for (uint64_t offset = pieces.offset_bytes; destinations.size() < pieces.count; offset += length) {
    if (offset / pool.buffer_bytes() != (offset + length - 1) / pool.buffer_bytes()) {
      return Invalid(absl::StrCat("a destination of ", length, " bytes at ", offset, " lies across buffers of ",
                                  pool.buffer_bytes(), " bytes"),
                     "register pieces that lie in one buffer each");
    }
    destinations.push_back({.pool = &pool,
                            .memory = pool.memory().subspan(offset, length),
                            .kind = pool.is_device_memory() ? IoMemory::kDevice : IoMemory::kHost});
  }
  return destinations;
}

}  // namespace penstock
