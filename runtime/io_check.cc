// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_check.h"

namespace penstock {

using layout::IoCause;

namespace {

u64 RoundUp(u64 value, u64 step) { return (value + step - 1) / step * step; }

}  // namespace

IoCause CheckIoRequest(const layout::IoRequest& request, const IoSource& source, const IoDestination& destination) {
  const bool is_write = request.op_type == layout::kIoWrite;
  if (is_write ? !source.may_write : !source.may_read) return IoCause::kDenied;
  const std::optional<IoRoute>& route = source.routes[static_cast<size_t>(destination.kind)];
  if (!route.has_value()) return IoCause::kRefusedByPath;
  if (request.byte_count == 0) return IoCause::kEmpty;
  // Subtracted, because a sum could overflow.
  if (request.offset_bytes > source.length_bytes) return IoCause::kOutOfRange;
  if (request.byte_count > source.length_bytes - request.offset_bytes) return IoCause::kOutOfRange;
  const u32 alignment = route->offset_alignment_bytes;
  if (RoundUp(request.byte_count, alignment) > destination.memory.size()) return IoCause::kOutOfRange;
  if (request.offset_bytes % alignment != 0) return IoCause::kMisaligned;
  // The rest of a block would be written, too, with what happens to lie behind the bytes.
  if (is_write && request.byte_count % alignment != 0) return IoCause::kMisaligned;
  const auto address = reinterpret_cast<uintptr_t>(destination.memory.data());
  return address % route->memory_alignment_bytes == 0 ? IoCause::kNone : IoCause::kMisaligned;
}

}  // namespace penstock
