// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Handlers with which the tests of the CPU device slow it down, hold it up and watch its order.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "penstock/device/handler.h"
#include "penstock/layout/atomic.h"

namespace penstock {

/// A function of its argument, after a delay: (value, delay in microseconds) -> Mixed(value).
struct MixSlowly {
  static constexpr u32 kOpcode = 0x1000;
  static constexpr u32 kArgumentCount = 2;
  static u64 Mixed(u32 value) { return (value + 1) * 0x9E3779B97F4A7C15u; }
  static device::Outcome Run(const device::Context& context) {
    if (context.argument[1] != 0) std::this_thread::sleep_for(std::chrono::microseconds(context.argument[1]));
    return device::Outcome::Done(Mixed(context.argument[0]));
  }
};

/// How many slots with this opcode have run before it. The counter is user word 0.
struct TakeTurn {
  static constexpr u32 kOpcode = 0x1001;
  static constexpr u32 kArgumentCount = 0;
  static device::Outcome Run(const device::Context& context) {
    if (!context.group.IsLeader()) return device::Outcome::Done();
    return device::Outcome::Done(layout::FetchAdd<layout::Scope::kDevice>(&context.view.user_words[0], 1u));
  }
};

/// Holds its workgroup until the gate is opened: not even Stop ends it.
struct HoldUntilOpen {
  static constexpr u32 kOpcode = 0x1002;
  static constexpr u32 kArgumentCount = 0;
  static inline std::atomic<bool> open = false;
  static inline std::atomic<u32> inside = 0;
  static device::Outcome Run(const device::Context& context) {
    inside.fetch_add(1);
    while (!open) std::this_thread::sleep_for(std::chrono::microseconds(50));
    // Touches the device's memory, which must still be there.
    layout::StoreRelaxed<layout::Scope::kDevice>(&context.view.user_words[1], 1u);
    inside.fetch_sub(1);
    return device::Outcome::Done();
  }
  /// Returns when that many workgroups are held.
  static void WaitUntilInside(u32 count) {
    while (inside != count) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
};

/// Yields until the user word of its first argument is not 0.
struct YieldUntilSet {
  static constexpr u32 kOpcode = 0x1003;
  static constexpr u32 kArgumentCount = 1;
  static device::Outcome Run(const device::Context& context) {
    const u32* word = &context.view.user_words[context.argument[0]];
    return layout::LoadRelaxed<layout::Scope::kDevice>(word) != 0 ? device::Outcome::Done(1) : device::Outcome::Yield();
  }
};

/// Is run again as often as its first argument says, by way of YIELD (second argument 0) or REQUEUE. It counts in the user word
/// of its third argument.
struct RunAgain {
  static constexpr u32 kOpcode = 0x1004;
  static constexpr u32 kArgumentCount = 3;
  static device::Outcome Run(const device::Context& context) {
    if (!context.group.IsLeader()) return device::Outcome::Done();
    const u32 runs = layout::FetchAdd<layout::Scope::kDevice>(&context.view.user_words[context.argument[2]], 1u);
    if (runs == context.argument[0]) return device::Outcome::Done(runs);
    return context.argument[1] == 0 ? device::Outcome::Yield() : device::Outcome::Requeue();
  }
};

using TestProgram = device::Program<MixSlowly, TakeTurn, HoldUntilOpen, YieldUntilSet, RunAgain>;

}  // namespace penstock
