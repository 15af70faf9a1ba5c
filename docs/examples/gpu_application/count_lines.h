// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The application's handler. A GPU compiler makes GPU code of this header, any other the CPU device's.
#pragma once

#include "penstock/device/program.h"
#include "penstock/device/reduce.h"
#include "penstock/device/rows.h"

namespace gpu_application {

using penstock::u32;
namespace device = penstock::device;
namespace layout = penstock::layout;

/// Counts the line feeds of a range. The lanes read neighbouring 16 bytes, several at a time, which is what the bus is best at.
struct CountLines {
  static constexpr u32 kOpcode = 0x10000;
  static constexpr u32 kArgumentCount = layout::kRangeWords;
  struct Scratch {
    u32 lines[device::kMaxLanes];
  };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    device::Bytes bytes;
    const layout::Range range = layout::DecodeRange(context.argument);
    if (device::Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    device::Group& group = context.group;
    const auto rows = device::Rows<device::Vector>::Of(bytes.data, bytes.length);
    u32 mine = 0;
    rows.ForEachEdgeByte(group,
                         [&](u32 offset) { mine += device::LoadBuffer<penstock::u8>(rows.data + offset) == '\n' ? 1 : 0; });
    device::ForEachItem(
        device::Share::Of(group, rows.items), [&](u32 item) { return rows.Load(item); },
        [&](u32, const device::Vector& vector) {
          for (u32 word : vector.word) mine += LinesIn(word);
          return true;
        });
    u32* place = context.scratch<Scratch>()->lines;
    return device::Outcome::Done(device::Reduce(group, place, mine, [](u32 a, u32 b) { return a + b; }));
  }

  /// How many of the word's four bytes are line feeds.
  PENSTOCK_DEVICE static u32 LinesIn(u32 word) {
    constexpr u32 kLow7 = 0x7F7F7F7F;
    const u32 difference = word ^ 0x0A0A0A0A;
    const u32 high_bit_if_equal = ~(((difference & kLow7) + kLow7) | difference | kLow7);
    return ((high_bit_if_equal >> 7) * 0x01010101) >> 24;
  }
};

/// What the megakernel can run: Penstock's handlers and this one.
using Program = device::Program<CountLines>;

}  // namespace gpu_application
