// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A handler that reads a list of offsets, and notes when it asks and when it is run again.
#pragma once

#include "penstock/device/program.h"

namespace penstock::io_latency {

/// One read of the list. Writer of the offset: the host, before the first slot is published; of the rest: the slot that reads it.
struct TimedRow {
  u64 offset_bytes;
  u64 requested_ticks;  // Group::Ticks
  u64 resumed_ticks;
};

struct TimedReadArguments {
  u32 list_handle;  // device buffer of TimedRows, readable and writable
  u32 row_count;
  u32 io_source;
  u32 io_destination;  // the slot's own
  u32 read_bytes;      // of each read
  u32 cursor_word;     // user word: rows that have been taken. 0 before the first slot
};
inline constexpr u32 kTimedReadArguments = 6;

PENSTOCK_HOST_DEVICE constexpr TimedReadArguments DecodeTimedRead(const u32* word) {
  return {word[0], word[1], word[2], word[3], word[4], word[5]};
}
PENSTOCK_HOST_DEVICE constexpr void EncodeTimedRead(const TimedReadArguments& read, u32* word) {
  word[0] = read.list_handle;
  word[1] = read.row_count;
  word[2] = read.io_source;
  word[3] = read.io_destination;
  word[4] = read.read_bytes;
  word[5] = read.cursor_word;
}

/// As many slots of a list as there are to be reads in flight; each takes the next row when it is done with one. The tag is the
/// row's number. The result is how many rows the slot has read; a read that fails or comes short ends it as FAULT.
struct TimedRead {
  static constexpr u32 kOpcode = 0x10000;
  static constexpr u32 kArgumentCount = kTimedReadArguments;
  enum Step : u32 { kBegin, kLanded };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    const u64 now_ticks = device::Group::Ticks();
    const TimedReadArguments read = DecodeTimedRead(context.argument);
    device::Bytes list;
    const u64 list_bytes = u64{read.row_count} * sizeof(TimedRow);
    if (list_bytes > ~u32{0}) return device::Outcome::Fault(layout::FaultReason::kBadArgument, 1);
    const layout::Range range = {read.list_handle, 0, static_cast<u32>(list_bytes)};
    if (device::Outcome refused = context.Resolve(range, layout::kBufferRead | layout::kBufferWrite, list); refused.IsFault()) {
      return refused;
    }
    if (read.cursor_word >= context.view.user_word_count) {
      return device::Outcome::Fault(layout::FaultReason::kOutOfRange, read.cursor_word);
    }
    if (!context.group.IsLeader()) return device::Outcome::Done();
    TimedRow* const rows = reinterpret_cast<TimedRow*>(list.data);
    u32* const frame = context.wait.frame;
    if (context.wait.step == kBegin) {
      frame[kRowsRead] = 0;
    } else {
      const layout::IoEnd& end = context.wait.end;
      if (!end.ok() || end.bytes != read.read_bytes) return device::Outcome::IoFault(end);
      layout::StoreRelaxed<layout::Scope::kSystem>(&rows[frame[kRow]].resumed_ticks, now_ticks);
      ++frame[kRowsRead];
    }
    return ReadNext(context, read, rows);
  }

 private:
  enum FrameWord : u32 { kRow, kRowsRead };

  PENSTOCK_DEVICE static device::Outcome ReadNext(const device::Context& context, const TimedReadArguments& read,
                                                  TimedRow* rows) {
    using layout::Scope;
    u32* const frame = context.wait.frame;
    const u32 row = layout::FetchAdd<Scope::kDevice, layout::Order::kRelaxed>(&context.view.user_words[read.cursor_word], 1u);
    if (row >= read.row_count) return device::Outcome::Done(frame[kRowsRead]);
    frame[kRow] = row;
    const u64 offset_bytes = layout::LoadRelaxed<Scope::kSystem>(&rows[row].offset_bytes);
    layout::StoreRelaxed<Scope::kSystem>(&rows[row].requested_ticks, device::Group::Ticks());
    return context.WaitIo({layout::kIoRead, read.io_source, read.io_destination, offset_bytes, read.read_bytes, row}, kLanded);
  }
};

using TimedProgram = device::Program<TimedRead>;

}  // namespace penstock::io_latency
