// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a megakernel can run: our handlers and the application's, as one compile-time list. A duplicate or a reserved opcode
// number does not compile.
#pragma once

#include <initializer_list>
#include <type_traits>

#include "penstock/device/data_handlers.h"
#include "penstock/device/handler.h"
#include "penstock/device/load_handler.h"
#include "penstock/device/match_handler.h"
#include "penstock/device/pull_handler.h"
#include "penstock/device/word_handlers.h"
#include "penstock/layout/packed_slot.h"

namespace penstock::device {

namespace program_internal {

template <typename Handler, typename = void>
struct ScratchBytes {
  static constexpr size_t kValue = 0;
};
template <typename Handler>
struct ScratchBytes<Handler, std::void_t<typename Handler::Scratch>> {
  static constexpr size_t kValue = sizeof(typename Handler::Scratch);
};

constexpr size_t Largest(std::initializer_list<size_t> sizes) {
  size_t largest = 1;
  for (size_t size : sizes) largest = size > largest ? size : largest;
  return largest;
}

constexpr bool AllDifferent(std::initializer_list<u32> opcodes) {
  for (auto a = opcodes.begin(); a != opcodes.end(); ++a) {
    for (auto b = a + 1; b != opcodes.end(); ++b) {
      if (*a == *b) return false;
    }
  }
  return true;
}

template <typename... Handlers>
class HandlerList {
  static_assert(AllDifferent({Handlers::kOpcode...}), "two handlers have the same opcode: give one of them another number");

 public:
  static constexpr size_t kScratchBytes = Largest({ScratchBytes<Handlers>::kValue...});

  /// Words that the opcode's handler needs, or layout::kUnknownOpcodeArguments.
  PENSTOCK_HOST_DEVICE static constexpr u32 ArgumentCount(u32 opcode) {
    u32 count = layout::kUnknownOpcodeArguments;
    (void)((Handlers::kOpcode == opcode ? (count = Handlers::kArgumentCount, true) : false) || ...);
    return count;
  }

  /// Runs the opcode's handler; without one it is a fault. Requires: it needs at most context.argument_count argument words.
  PENSTOCK_DEVICE static Outcome Run(u32 any_opcode, const Context& context) {
    const u32 opcode = Group::Uniform(any_opcode);
    Outcome outcome = Outcome::Fault(layout::FaultReason::kUnknownOpcode, opcode);
    (void)((Handlers::kOpcode == opcode ? (outcome = Handlers::Run(context), true) : false) || ...);
    return outcome;
  }
};

}  // namespace program_internal

/// Our handlers and `UserHandlers`. Pass it to MakeCpuDevice; see handler.h for how a handler is written.
template <typename... UserHandlers>
class Program {
  static_assert((layout::IsUserOpcode(UserHandlers::kOpcode) && ...),
                "this opcode number is reserved: use 8 to 0xFFEF or 0x10000 to 0x7FFFFFFF");
  static_assert((!layout::IsDataOpcode(UserHandlers::kOpcode) && ...),
                "opcodes 0x100 to 0x1FF are Penstock's data opcodes: use another number");
  static_assert(((UserHandlers::kArgumentCount <= layout::kArgumentCount) && ...), "a slot has twelve argument words");

 public:
  /// Penstock's handlers and the application's, checked for duplicate and reserved numbers when it is compiled.
  using Handlers =
      program_internal::HandlerList<Nop, StoreU32, AtomicAdd, LoadU32, CompareSwap, MemcpyWords, DfaStep, BatchFence, LoadMiss,
                                    Printf, Shutdown, Crc32c, Histogram, Copy, Fill, Verify, Match, Pull, UserHandlers...>;
  static constexpr size_t kScratchBytes = Handlers::kScratchBytes;  // the largest Scratch of a handler

  /// For the host's validator and for the kernel: what packed_slot.h asks about an opcode.
  PENSTOCK_HOST_DEVICE static constexpr u32 ArgumentCount(u32 opcode) { return Handlers::ArgumentCount(opcode); }

  /// Runs one opcode with the arguments of `context`, packed slots included. Every lane calls it.
  ///
  /// A packed slot's result is the number of inner ops, with the last one's low result word in the high word. An inner op that
  /// does not end as DONE ends the slot as FAULT; the detail is its index.
  PENSTOCK_DEVICE static Outcome Run(u32 opcode, const Context& context) {
    const bool is_packed = Group::Uniform(opcode) == layout::kPackedSlot;
    if (Outcome refused = Check(opcode, context); refused.IsFault()) return refused;
    const u32 count = is_packed ? Group::Uniform(layout::PackedSlot::OpCount(context.argument)) : 1;
    u64 result = 0;
    for (u32 i = 0; i < count; ++i) {  // the handlers are called from here only: a GPU's compiler copies them to every call
      layout::PackedOp op = {opcode, 0, context.argument_count};
      if (is_packed) op = layout::PackedSlot::Op(context.argument, i);
      const Context inner = {context.view,          context.group, context.argument + op.first_word,
                             op.argument_count,     context.slot,  context.scratch_memory,
                             context.inner_outcome, context.wait};
      const Outcome mine = Handlers::Run(op.opcode, inner);
      if (!is_packed) return mine;
      const Outcome outcome = AgreeOn(mine, i, context);
      if (outcome.IsFault()) return Outcome::Fault(outcome.reason, i);
      if (!outcome.IsFinal()) return Outcome::Fault(layout::FaultReason::kNotAtOnce, i);
      result = outcome.result;
    }
    return Outcome::Done(layout::JoinWords(count, layout::LowWord(result)));
  }

 private:
  PENSTOCK_DEVICE static Outcome Check(u32 opcode, const Context& context) {
    if (opcode == layout::kPackedSlot) {
      const layout::PackedError error = layout::PackedSlot::Validate(context.argument, &ArgumentCount);
      if (error == layout::PackedError::kNone) return Outcome::Done();
      return Outcome::Fault(layout::FaultReason::kBadPackedSlot, static_cast<u32>(error));
    }
    if (ArgumentCount(opcode) != layout::kUnknownOpcodeArguments) return Outcome::Done();
    return Outcome::Fault(layout::FaultReason::kUnknownOpcode, opcode);
  }

  // The leader's outcome counts, and every lane must act on it. Two places in turn: one barrier an op is enough.
  PENSTOCK_DEVICE static Outcome AgreeOn(const Outcome& mine, u32 op, const Context& context) {
    Outcome& shared = context.inner_outcome[op % 2];
    if (context.group.IsLeader()) shared = mine;
    context.group.Barrier();
    return shared;
  }
};

}  // namespace penstock::device
