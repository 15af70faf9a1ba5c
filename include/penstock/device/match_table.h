// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs of an automaton that counts matches.
//
// The state at a byte depends on everything before it, yet a range is scanned in parts: by lanes, and by chunks above them. A
// part is run from the root; if the part before it ended in another state, the two runs are followed side by side until they
// meet, which is nearly always within a few bytes, and the difference in matches is what has to be added. If they never meet
// (a text of one repeated letter), the part has been run again, and its final state changes what follows.
#pragma once

#include <cstddef>

#include "penstock/device/group.h"
#include "penstock/layout/automaton.h"

namespace penstock::device {

/// What a run over some bytes comes to.
struct MatchRun {
  u32 matches;
  u32 state;
};

/// What has to be added to a run from the root, had it started in another state.
struct MatchRepair {
  i32 matches;
  u32 state;  // the final state, or layout::kConverged: as the run from the root says
};

class MatchTable {
 public:
  /// `words`: an AutomatonHeader and what follows it, in a registered buffer.
  PENSTOCK_DEVICE explicit MatchTable(const u32* words) : automaton_(reinterpret_cast<const u8*>(words)) {}

  PENSTOCK_DEVICE u32 state_count() const {
    return Group::Uniform(LoadBuffer<u32>(automaton_ + offsetof(layout::AutomatonHeader, state_count)));
  }

  /// Runs from `state` over the bytes. A step has to wait for the load of the one before it; so the parts of a block are run
  /// side by side, all but the first from the root, and joined.
  PENSTOCK_DEVICE MatchRun Scan(const u8* bytes, u32 length, u32 state) const {
    MatchRun whole = {0, state};
    for (; length >= kBlockBytes; bytes += kBlockBytes, length -= kBlockBytes) ScanBlock(bytes, whole);
    const MatchRun rest = ScanStraight(bytes, length, whole.state);
    return {whole.matches + rest.matches, rest.state};
  }

  /// The same, one byte after the other.
  PENSTOCK_DEVICE MatchRun ScanStraight(const u8* bytes, u32 length, u32 state) const {
    u32 matches = 0;
    u32 transition = state;
    for (u32 i = 0; i < length; ++i) {
      transition = Transition(transition, bytes[i]);
      matches += layout::Emitted(transition);
    }
    return {matches, layout::NextState(transition)};
  }

  /// Joins a run over what comes before a part with the part's run from the root.
  PENSTOCK_DEVICE MatchRun Join(const MatchRun& before, const u8* part, u32 length, const MatchRun& from_root) const {
    const MatchRepair repair = Repair(part, length, before.state);
    return {before.matches + from_root.matches + static_cast<u32>(repair.matches),
            repair.state == layout::kConverged ? from_root.state : repair.state};
  }

  /// Follows a run from the root and one from `state` until they meet.
  PENSTOCK_DEVICE MatchRepair Repair(const u8* bytes, u32 length, u32 state) const {
    i32 difference = 0;
    u32 root = 0;
    for (u32 i = 0; i < length && state != root; ++i) {
      const u32 from_state = Transition(state, bytes[i]);
      const u32 from_root = Transition(root, bytes[i]);
      difference += static_cast<i32>(layout::Emitted(from_state)) - static_cast<i32>(layout::Emitted(from_root));
      state = layout::NextState(from_state);
      root = layout::NextState(from_root);
    }
    return {difference, state == root ? layout::kConverged : state};
  }

 private:
  // More parts than this need more registers than there are.
  static constexpr u32 kParts = 4;
  static constexpr u32 kPartBytes = 2048;
  static constexpr u32 kBlockBytes = kParts * kPartBytes;

  // See layout::Transition. A table has at most 2^24 words.
  PENSTOCK_DEVICE u32 Transition(u32 state_or_transition, u32 byte) const {
    static_assert(layout::kMaxAutomatonStates <= 1u << 16);
    const u32 place = (state_or_transition << 8) | byte;
    return LoadBuffer<u32>(automaton_ + sizeof(layout::AutomatonHeader) + size_t{place} * sizeof(u32));
  }

  PENSTOCK_DEVICE void ScanBlock(const u8* bytes, MatchRun& whole) const {
    u32 transition[kParts] = {whole.state};
    for (u32 i = 0; i < kPartBytes; ++i) {
      for (u32 part = 0; part < kParts; ++part) {
        transition[part] = Transition(transition[part], bytes[part * kPartBytes + i]);
        whole.matches += layout::Emitted(transition[part]);
      }
    }
    whole.state = layout::NextState(transition[0]);
    for (u32 part = 1; part < kParts; ++part) {
      whole = Join(whole, bytes + part * kPartBytes, kPartBytes, {0, layout::NextState(transition[part])});
    }
  }

  const u8* automaton_;
};

}  // namespace penstock::device
