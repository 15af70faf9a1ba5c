// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The MATCH opcode: counting the matches of an automaton in a range of bytes.
//
// The state at a byte depends on everything before it, yet a range is scanned in parts: by lanes here, and by chunks above. A
// part is run from the root; if the part before it ended in another state, the two runs are followed side by side until they
// meet, which is nearly always within a few bytes, and the difference in matches is what has to be added. If they never meet
// (a text of one repeated letter), the part has been run again, and its final state changes what follows.
#pragma once

#include "penstock/device/data_handlers.h"
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
  PENSTOCK_DEVICE explicit MatchTable(const u32* words) : words_(words) {}

  PENSTOCK_DEVICE u32 state_count() const { return reinterpret_cast<const layout::AutomatonHeader*>(words_)->state_count; }

  /// Runs from `state` over the bytes. A step has to wait for the load of the one before it; so the parts of a block are run
  /// side by side, all but the first from the root, and joined.
  PENSTOCK_DEVICE MatchRun Scan(const u8* bytes, u32 length, u32 state) const {
    MatchRun whole = {0, state};
    for (; length >= kBlockBytes; bytes += kBlockBytes, length -= kBlockBytes) ScanBlock(bytes, whole);
    u32 transition = whole.state;
    for (u32 i = 0; i < length; ++i) {
      transition = layout::Transition(words_, transition, bytes[i]);
      whole.matches += layout::Emitted(transition);
    }
    whole.state = layout::NextState(transition);
    return whole;
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
      const u32 from_state = layout::Transition(words_, state, bytes[i]);
      const u32 from_root = layout::Transition(words_, root, bytes[i]);
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

  PENSTOCK_DEVICE void ScanBlock(const u8* bytes, MatchRun& whole) const {
    u32 transition[kParts] = {whole.state};
    for (u32 i = 0; i < kPartBytes; ++i) {
      for (u32 part = 0; part < kParts; ++part) {
        transition[part] = layout::Transition(words_, transition[part], bytes[part * kPartBytes + i]);
        whole.matches += layout::Emitted(transition[part]);
      }
    }
    whole.state = layout::NextState(transition[0]);
    for (u32 part = 1; part < kParts; ++part) {
      whole = Join(whole, bytes + part * kPartBytes, kPartBytes, {0, layout::NextState(transition[part])});
    }
  }

  const u32* words_;
};

struct Match {
  static constexpr u32 kOpcode = layout::kMatch;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kMatchWords;

  struct Scratch {
    MatchRun run[kMaxLanes];
  };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes bytes;
    Bytes header;
    const layout::Range range = layout::DecodeRange(context.argument);
    const layout::MatchArguments match = layout::DecodeMatch(context.argument);
    const layout::Range head = {match.handle, 0, sizeof(layout::AutomatonHeader)};
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    if (Outcome refused = context.Resolve(head, layout::kBufferRead | layout::kBufferAutomaton, header); refused.IsFault()) {
      return refused;
    }
    const MatchTable table(reinterpret_cast<const u32*>(header.data));
    if (match.entry_state >= table.state_count()) return Outcome::Fault(layout::FaultReason::kBadArgument, 5);
    switch (match.mode) {
      case layout::MatchMode::kScan: return Scan(context, bytes, table, match.entry_state);
      case layout::MatchMode::kRepair: {
        if (!context.group.IsLeader()) return Outcome::Done();
        const MatchRepair repair = table.Repair(bytes.data, bytes.length, match.entry_state);
        return Outcome::Done(layout::JoinWords(static_cast<u32>(repair.matches), repair.state));
      }
    }
    return Outcome::Fault(layout::FaultReason::kBadArgument, 6);
  }

 private:
  PENSTOCK_DEVICE static Outcome Scan(const Context& context, const Bytes& bytes, const MatchTable& table, u32 entry_state) {
    Group& group = context.group;
    const Context::Stripe stripe = context.StripeOfLane(bytes.length);
    const MatchRun mine = table.Scan(bytes.data + stripe.begin, stripe.end - stripe.begin, group.IsLeader() ? entry_state : 0);
    if (group.lane_count() == 1) return Outcome::Done(layout::JoinWords(mine.matches, mine.state));
    MatchRun* runs = context.scratch<Scratch>()->run;
    runs[group.lane()] = mine;
    group.Barrier();
    if (!group.IsLeader()) return Outcome::Done();
    const MatchRun whole = Stitch(runs, group.lane_count(), bytes, stripe.end, table);
    return Outcome::Done(layout::JoinWords(whole.matches, whole.state));
  }

  // The leader's stripe was run from the true entry state; every other one from the root.
  PENSTOCK_DEVICE static MatchRun Stitch(const MatchRun* runs, u32 lane_count, const Bytes& bytes, u32 stripe,
                                         const MatchTable& table) {
    MatchRun whole = runs[0];
    u32 begin = stripe;
    for (u32 lane = 1; lane < lane_count && begin < bytes.length; ++lane) {
      const u32 length = bytes.length - begin < stripe ? bytes.length - begin : stripe;
      whole = table.Join(whole, bytes.data + begin, length, runs[lane]);
      begin += length;
    }
    return whole;
  }
};

}  // namespace penstock::device
