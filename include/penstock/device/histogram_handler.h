// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The HISTOGRAM opcode.
#pragma once

#include "penstock/device/handler.h"
#include "penstock/device/rows.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

/// Counts the bytes by value and stores the 256 counts at the destination.
struct Histogram {
  static constexpr u32 kOpcode = layout::kHistogram;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kDestinationWords;

  // Lanes count in tables of their own, in turn, so that neighbours with equal bytes seldom wait for one another. The tables'
  // counts of one value lie side by side: in different banks of the memory.
  static constexpr u32 kTables = 16;
  struct Scratch {
    alignas(16) u32 count[layout::kHistogramBins][kTables];
  };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes bytes;
    Bytes out;
    const layout::Range range = layout::DecodeRange(context.argument);
    const layout::Destination destination = layout::DecodeDestination(context.argument);
    const layout::Range counts = {destination.handle, destination.offset_bytes, layout::kHistogramBytes};
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    if (Outcome refused = context.Resolve(counts, layout::kBufferWrite, out); refused.IsFault()) return refused;
    if (reinterpret_cast<u64>(out.data) % alignof(u32) != 0) {
      return Outcome::Fault(layout::FaultReason::kMisaligned, layout::LowWord(counts.offset_bytes));
    }
    Group& group = context.group;
    if (OneLane::Histogram(group, bytes.data, bytes.length, reinterpret_cast<u32*>(out.data))) return Outcome::Done();
    Scratch& scratch = *context.scratch<Scratch>();
    Clear(group, scratch);
    group.Barrier();
    Count(group, Rows<Vector>::Of(bytes.data, bytes.length), scratch);
    group.Barrier();
    Store(group, scratch, out.data);
    group.Barrier();
    return Outcome::Done();
  }

 private:
  PENSTOCK_DEVICE static void Clear(const Group& group, Scratch& scratch) {
    u32* count = &scratch.count[0][0];
    for (u32 i = group.lane(); i < layout::kHistogramBins * kTables; i += group.lane_count()) count[i] = 0;
  }

  PENSTOCK_DEVICE static void Count(const Group& group, const Rows<Vector>& rows, Scratch& scratch) {
    const u32 table = group.lane() % kTables;
    const auto increment = [&](u32 byte) {
      layout::FetchAdd<layout::Scope::kWorkgroup, layout::Order::kRelaxed>(&scratch.count[byte][table], 1u);
    };
    rows.ForEachEdgeByte(group, [&](u32 offset) { increment(LoadBuffer<u8>(rows.data + offset)); });
    ForEachItem(
        Share::Of(group, rows.items), [&](u32 item) { return rows.Load(item); },
        [&](u32, const Vector& vector) {
          for (u32 word : vector.word) {
            for (u32 shift = 0; shift < 32; shift += 8) increment((word >> shift) & 0xFF);
          }
          return true;
        });
  }

  PENSTOCK_DEVICE static void Store(const Group& group, const Scratch& scratch, u8* out) {
    for (u32 bin = group.lane(); bin < layout::kHistogramBins; bin += group.lane_count()) {
      u32 sum = 0;
      for (u32 count : scratch.count[bin]) sum += count;
      StoreBuffer<u32>(out + bin * sizeof(u32), sum);
    }
  }
};

}  // namespace penstock::device
