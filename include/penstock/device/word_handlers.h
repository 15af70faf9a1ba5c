// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Handlers of the built-in opcodes. The word opcodes act on the window of user words in device memory, never on the control
// words: otherwise any publisher could write the tenant table or SHUTDOWN.
#pragma once

#include "penstock/device/handler.h"
#include "penstock/layout/automaton.h"
#include "penstock/layout/debug_log.h"

namespace penstock::device {

/// What the built-ins have in common: an opcode's argument count is the layout's.
template <u32 Opcode>
struct Builtin {
  static constexpr u32 kOpcode = Opcode;
  static constexpr u32 kArgumentCount = layout::BuiltinArgumentCount(Opcode);

 protected:
  PENSTOCK_DEVICE static bool HasWord(const Context& context, u32 index) { return index < context.view.user_word_count; }
  PENSTOCK_DEVICE static Outcome NoSuchWord(u32 index) { return Outcome::Fault(layout::FaultReason::kOutOfRange, index); }
};

struct Nop : Builtin<layout::kNop> {
  PENSTOCK_DEVICE static Outcome Run(const Context&) { return Outcome::Done(); }
};

struct StoreU32 : Builtin<layout::kStoreU32> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const u32 index = context.argument[0];
    if (!HasWord(context, index)) return NoSuchWord(index);
    if (context.group.IsLeader()) {
      layout::StoreRelaxed<layout::Scope::kDevice>(&context.view.user_words[index], context.argument[1]);
    }
    return Outcome::Done();
  }
};

struct AtomicAdd : Builtin<layout::kAtomicAdd> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const u32 index = context.argument[0];
    if (!HasWord(context, index)) return NoSuchWord(index);
    if (!context.group.IsLeader()) return Outcome::Done();
    return Outcome::Done(layout::FetchAdd<layout::Scope::kDevice>(&context.view.user_words[index], context.argument[1]));
  }
};

struct LoadU32 : Builtin<layout::kLoadU32> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const u32 index = context.argument[0];
    if (!HasWord(context, index)) return NoSuchWord(index);
    return Outcome::Done(layout::LoadRelaxed<layout::Scope::kDevice>(&context.view.user_words[index]));
  }
};

struct CompareSwap : Builtin<layout::kCompareSwap> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const u32 index = context.argument[0];
    if (!HasWord(context, index)) return NoSuchWord(index);
    if (!context.group.IsLeader()) return Outcome::Done();
    u32 previous = context.argument[1];
    const bool swapped =
        layout::CompareExchange<layout::Scope::kDevice>(&context.view.user_words[index], previous, context.argument[2]);
    return Outcome::Done(layout::JoinWords(previous, swapped ? 1 : 0));
  }
};

/// Copies words inside the window. Overlap is allowed: the destination gets what the source held before.
struct MemcpyWords : Builtin<layout::kMemcpy> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const u32 destination = context.argument[0];
    const u32 source = context.argument[1];
    const u32 count = context.argument[2];
    const u32 limit = context.view.user_word_count;
    if (destination > limit || count > limit - destination) return NoSuchWord(destination);
    if (source > limit || count > limit - source) return NoSuchWord(source);
    if (context.group.IsLeader()) {
      u32* words = context.view.user_words;
      for (u32 i = 0; i < count; ++i) {
        const u32 at = destination <= source ? i : count - 1 - i;  // away from the overlap
        layout::StoreRelaxed<layout::Scope::kDevice>(&words[destination + at],
                                                     layout::LoadRelaxed<layout::Scope::kDevice>(&words[source + at]));
      }
    }
    return Outcome::Done(count);
  }
};

/// One step of a registered automaton: next state, and in the high word the matches that the byte completed.
struct DfaStep : Builtin<layout::kDfaStep> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes header;
    const layout::Range head = {context.argument[0], 0, sizeof(layout::AutomatonHeader)};
    if (Outcome refused = context.Resolve(head, layout::kBufferRead | layout::kBufferAutomaton, header); refused.IsFault()) {
      return refused;
    }
    const u32* table = reinterpret_cast<const u32*>(header.data);
    const u32 state = context.argument[1];
    const u32 byte = context.argument[2];
    if (state >= reinterpret_cast<const layout::AutomatonHeader*>(table)->state_count) {
      return Outcome::Fault(layout::FaultReason::kBadArgument, 1);
    }
    if (byte > 0xFF) return Outcome::Fault(layout::FaultReason::kBadArgument, 2);
    const u32 transition = layout::Transition(table, state, byte);
    return Outcome::Done(layout::JoinWords(layout::NextState(transition), layout::Emitted(transition)));
  }
};

/// Done once every slot of its batch is: the `argument[0]` slots published before it to its sub-ring, or all of them for 0.
struct BatchFence : Builtin<layout::kBatchFence> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    const DeviceView& view = context.view;
    const u32 priority = context.slot.priority;
    const u32 size = view.partition_offset[priority + 1] - view.partition_offset[priority];
    // A slot further back than the ring is long was reaped before its place could be taken again.
    u32 count = context.argument[0];
    if (count == 0 || count > size - 1) count = size - 1;
    if (!context.group.IsLeader()) return Outcome::Done();
    for (u32 back = 1; back <= count; ++back) {
      const u32 sequence = context.slot.sequence - back;
      if (!HasCompleted(view.slot_states[view.SlotIndex(priority, sequence)], sequence)) return Outcome::Yield();
    }
    return Outcome::Done(count);
  }
};

/// Appends (format id, three arguments) to the debug log; complete in host memory before the slot is DONE. The result is 1,
/// or 0 if the log is full: then the record is dropped and counted.
struct Printf : Builtin<layout::kPrintf> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    if (!context.group.IsLeader()) return Outcome::Done();
    const DeviceView& view = context.view;
    u32 free = 0;
    // The holder appends one record and never waits, so this is short; a yield would reorder the log for nothing.
    while (!layout::CompareExchange<layout::Scope::kDevice>(&view.launch->log_lock, free, 1u)) {
      free = 0;
      SpinPause();
    }
    const bool kept = layout::AppendRecord(view.debug_log, view.debug_log_capacity, context.argument);
    layout::StoreRelease<layout::Scope::kDevice>(&view.launch->log_lock, 0u);
    if (!kept) {
      u64* dropped = &view.workgroups[context.group.workgroup()].counters.debug_log_dropped;
      layout::StoreRelaxed<layout::Scope::kDevice>(dropped, *dropped + 1);
    }
    return Outcome::Done(kept ? 1 : 0);
  }
};

/// Tells every workgroup to leave the loop. Needs a permission that no default mask holds.
struct Shutdown : Builtin<layout::kShutdown> {
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    if (context.group.IsLeader()) layout::StoreRelease<layout::Scope::kDevice>(&context.view.launch->seen_shutdown, 1u);
    return Outcome::Done();
  }
};

}  // namespace penstock::device
