// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of an automaton that counts matches of literal patterns, as device and host read it.
//
// A table is words: a header, then 256 words a state, one for each input byte, then one word a state for the end of input.
// A transition word holds the next state in its low 24 bits and the number of matches that this byte completes in its high 8.
// The end word holds the matches that are complete once it is known that no byte follows.
//
// Matches are those of `grep -o`: leftmost first, longest at each place, never overlapping. State 0 is the root. Since a state
// stands for the undecided end of the text, a run that starts in the state in which the previous bytes ended goes on as if the
// text had never been cut.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

inline constexpr u32 kAutomatonMagic = 0x314D5441u;  // "ATM1"
/// Words of a table before its first row.
inline constexpr u32 kAutomatonHeaderWords = 16;
/// Words of a state's row: one transition for each input byte.
inline constexpr u32 kAutomatonRowWords = 256;
/// Bits of a transition that name the next state; those above count matches.
inline constexpr u32 kAutomatonStateBits = 24;
/// The next state's bits.
inline constexpr u32 kAutomatonStateMask = (1u << kAutomatonStateBits) - 1;
/// The largest automaton that a device takes.
inline constexpr u32 kMaxAutomatonStates = 65536;
inline constexpr u32 kMaxPatternBytes = 255;  // so that a byte never completes more matches than 8 bits hold

/// The first words of a table.
struct AutomatonHeader {
  u32 magic;                                // kAutomatonMagic
  u32 state_count;                          // at least 1, at most kMaxAutomatonStates
  u32 reserved[kAutomatonHeaderWords - 2];  // 0
};
static_assert(sizeof(AutomatonHeader) == kAutomatonHeaderWords * sizeof(u32));

/// Words of a whole table: header, rows, and one word a state for the end of input.
PENSTOCK_HOST_DEVICE constexpr u64 AutomatonWords(u32 state_count) {
  return kAutomatonHeaderWords + static_cast<u64>(state_count) * (kAutomatonRowWords + 1);
}
/// The state that a transition leads to.
PENSTOCK_HOST_DEVICE constexpr u32 NextState(u32 transition) { return transition & kAutomatonStateMask; }
/// The matches that a transition completes, 0 to 255.
PENSTOCK_HOST_DEVICE constexpr u32 Emitted(u32 transition) { return transition >> kAutomatonStateBits; }

/// What follows a state, or the state that a transition leads to: the shift drops the matches, and leaves the place of the row.
PENSTOCK_HOST_DEVICE constexpr u32 Transition(const u32* table, u32 state_or_transition, u32 byte) {
  static_assert(kAutomatonRowWords == 1u << 8 && kAutomatonStateBits + 8 == 32);
  return table[kAutomatonHeaderWords + static_cast<u64>((state_or_transition << 8) | byte)];
}
/// The matches that are complete if the text ends in `state`. Requires: state < state_count, and a table that was checked.
PENSTOCK_HOST_DEVICE constexpr u32 MatchesAtEnd(const u32* table, u32 state_count, u32 state) {
  return table[kAutomatonHeaderWords + static_cast<u64>(state_count) * kAutomatonRowWords + state];
}

}  // namespace penstock::layout
