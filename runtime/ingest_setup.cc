// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/ingest_setup.h"

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock {

absl::Status CheckIngestOptions(const IngestOptions& options) {
  if (options.chunk_bytes == 0 || options.chunk_bytes % BufferPool::kAlignment != 0 ||
      options.chunk_bytes > IngestOptions::kMaxChunkBytes) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("a chunk of ", options.chunk_bytes, " bytes")),
                     Fix("use a multiple of 4 KiB, at most 256 MiB"));
  }
  if (options.depth == 0 || options.depth > IngestOptions::kMaxDepth) {
    return MakeError(absl::StatusCode::kInvalidArgument, What(absl::StrCat("a depth of ", options.depth)),
                     Fix(absl::StrCat("use a depth of 1 to ", IngestOptions::kMaxDepth)));
  }
  return absl::OkStatus();
}

absl::StatusOr<u32> RegisterPool(Device& device, const BufferPool& pool, u32 rights) {
  const absl::Span<std::byte> memory = pool.memory();
  if (!pool.device_address().has_value()) return device.RegisterBuffer(memory, rights);
  return device.RegisterDeviceMemory(*pool.device_address(), memory.size(), rights);
}

std::string NameOfPages(BufferPool::Pages pages) {
  switch (pages) {
    case BufferPool::Pages::kExplicitHuge: return "2 MiB";
    case BufferPool::Pages::kTransparentHuge: return "transparent huge";
    case BufferPool::Pages::kSmall: return "4 KiB";
    case BufferPool::Pages::kDevice: return "device memory";
  }
  return "?";
}

}  // namespace penstock
