// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PULL: the kernel fetches a list of extents by itself, and makes of each what was asked for.
#pragma once

#include "penstock/device/data_handlers.h"
#include "penstock/layout/pull_list.h"

namespace penstock::device {

/// Takes the list's next extent, has it read into the slot's own piece of memory, looks at it, and goes on with the next until
/// none is left: as many PULLs of a list as there are to be reads in flight. An extent that cannot be read is noted as such, and
/// the others go on. The result is the number of extents that this slot pulled. A read that was given up may still land: it is
/// noted, and ends this slot as FAULT kIoFailed, kGivenUp, so that nothing else is read into its piece.
struct Pull {
  static constexpr u32 kOpcode = layout::kPull;
  static constexpr u32 kArgumentCount = layout::kPullArguments;
  using Scratch = Crc32cRows::Scratch;

  enum Step : u32 { kBegin, kLanded };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    if (context.view.io.queue_count == 0) return Outcome::Fault(layout::FaultReason::kNotConnected);
    const layout::PullArguments pull = layout::DecodePull(context.argument);
    Bytes list;
    const layout::Range range = {pull.list_handle, pull.list_offset_bytes, pull.list_bytes};
    if (Outcome refused = context.Resolve(range, layout::kBufferRead | layout::kBufferWrite, list); refused.IsFault()) {
      return refused;
    }
    if (reinterpret_cast<u64>(list.data) % alignof(u64) != 0) {
      return Outcome::Fault(layout::FaultReason::kMisaligned, layout::LowWord(pull.list_offset_bytes));
    }
    if (pull.cursor_word >= context.view.user_word_count)
      return Outcome::Fault(layout::FaultReason::kOutOfRange, pull.cursor_word);
    const List extents = {reinterpret_cast<u64*>(list.data), list.length / static_cast<u32>(sizeof(layout::PullExtent))};
    if (context.wait.step == kLanded) {
      if (Outcome refused = Take(context, pull, extents); refused.IsFault()) return refused;
    }
    return context.group.IsLeader() ? Next(context, pull, extents) : Outcome::Done();
  }

 private:
  struct List {
    u64* double_words;  // across the bus
    u32 count;

    PENSTOCK_DEVICE u64* Of(u32 extent) const { return double_words + u64{extent} * (sizeof(layout::PullExtent) / sizeof(u64)); }
  };
  enum FrameWord : u32 { kExtent, kPulled };

  PENSTOCK_DEVICE static u32 LoadFrame(const Context& context, FrameWord word) {
    return layout::LoadRelaxed<layout::Scope::kDevice>(&context.wait.frame[word]);
  }
  PENSTOCK_DEVICE static void StoreFrame(const Context& context, FrameWord word, u32 value) {
    layout::StoreRelaxed<layout::Scope::kDevice>(&context.wait.frame[word], value);
  }

  /// The bytes of the extent in hand are there, or will not come.
  PENSTOCK_DEVICE static Outcome Take(const Context& context, const layout::PullArguments& pull, const List& extents) {
    const layout::IoEnd end = context.wait.end;
    u32 crc = 0;
    if (end.ok() && pull.wants_crc32c != 0) {
      Bytes bytes;
      const layout::Range landed = {pull.buffer_handle, pull.buffer_offset_bytes, end.bytes};
      if (Outcome refused = context.Resolve(landed, layout::kBufferRead, bytes); refused.IsFault()) return refused;
      crc = Crc32c::Of(context, bytes);
    }
    if (!context.group.IsLeader()) return Outcome::Done();
    const u32 extent = LoadFrame(context, kExtent);
    if (extent >= extents.count) return Outcome::Fault(layout::FaultReason::kBadArgument, 3);  // the list was made shorter
    u64* const row = extents.Of(extent);
    layout::StoreRelaxed<layout::Scope::kSystem>(&row[2], layout::JoinWords(end.bytes, end.cause));
    layout::StoreRelaxed<layout::Scope::kSystem>(&row[3], layout::JoinWords(crc, 1));
    StoreFrame(context, kPulled, LoadFrame(context, kPulled) + 1);
    return end.cause == static_cast<u32>(layout::IoCause::kGivenUp) ? Outcome::IoFault(end) : Outcome::Done();
  }

  /// The leader's.
  PENSTOCK_DEVICE static Outcome Next(const Context& context, const layout::PullArguments& pull, const List& extents) {
    if (context.wait.step == kBegin) StoreFrame(context, kPulled, 0);
    u32* const cursor = &context.view.user_words[pull.cursor_word];
    const u32 extent = layout::FetchAdd<layout::Scope::kDevice, layout::Order::kRelaxed>(cursor, 1u);
    if (extent >= extents.count) return Outcome::Done(LoadFrame(context, kPulled));
    StoreFrame(context, kExtent, extent);
    const u64* const row = extents.Of(extent);
    const u64 offset_bytes = layout::LoadRelaxed<layout::Scope::kSystem>(&row[0]);
    const u64 length_and_source = layout::LoadRelaxed<layout::Scope::kSystem>(&row[1]);
    return context.WaitIo({layout::kIoRead, layout::HighWord(length_and_source), pull.io_destination, offset_bytes,
                           layout::LowWord(length_and_source), extent},
                          kLanded);
  }
};

}  // namespace penstock::device
