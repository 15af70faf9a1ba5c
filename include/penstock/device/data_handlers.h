// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Handlers of the data opcodes but MATCH: whole-workgroup work over bytes of registered buffers.
#pragma once

#include "penstock/device/copy_rows.h"
#include "penstock/device/crc32c_rows.h"
#include "penstock/device/handler.h"
#include "penstock/device/histogram_handler.h"
#include "penstock/device/pattern_handlers.h"

namespace penstock::device {

/// CRC-32C of the range.
struct Crc32c {
  static constexpr u32 kOpcode = layout::kCrc32c;
  static constexpr u32 kArgumentCount = layout::kRangeWords;

  using Scratch = Crc32cRows::Scratch;

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes bytes;
    const layout::Range range = layout::DecodeRange(context.argument);
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    return Outcome::Done(Of(context, bytes));
  }

  /// What the leader gets is right. Requires: the handler that calls it has this Scratch, or one that begins with it.
  PENSTOCK_DEVICE static u32 Of(const Context& context, const Bytes& bytes) {
    if (u32 crc; OneLane::Crc32c(context.group, bytes.data, bytes.length, crc)) return crc;
    return Crc32cRows(context.group, *context.scratch<Scratch>()).Sum(bytes.data, bytes.length);
  }
};

/// Copies the range to the destination. The two must not overlap.
struct Copy {
  static constexpr u32 kOpcode = layout::kCopy;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kDestinationWords;

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes source;
    Bytes target;
    const layout::Range range = layout::DecodeRange(context.argument);
    const layout::Destination destination = layout::DecodeDestination(context.argument);
    const layout::Range into = {destination.handle, destination.offset_bytes, range.length_bytes};
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, source); refused.IsFault()) return refused;
    if (Outcome refused = context.Resolve(into, layout::kBufferWrite, target); refused.IsFault()) return refused;
    if (source.data < target.data + target.length && target.data < source.data + source.length) {
      return Outcome::Fault(layout::FaultReason::kBadArgument, 4);
    }
    if (OneLane::Copy(context.group, target.data, source.data, source.length)) return Outcome::Done(source.length);
    CopyRows(context.group, target.data, source.data, source.length);
    context.group.Barrier();
    return Outcome::Done(source.length);
  }
};

}  // namespace penstock::device
