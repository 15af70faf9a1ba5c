// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The MATCH opcode: counting the matches of an automaton in a range of bytes.
#pragma once

#include "penstock/device/handler.h"
#include "penstock/device/match_tile.h"

namespace penstock::device {

struct Match {
  static constexpr u32 kOpcode = layout::kMatch;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kMatchWords;

  using Scratch = MatchTiles::Scratch;

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
    const u32 entry_state = Group::Uniform(match.entry_state);
    if (entry_state >= table.state_count()) return Outcome::Fault(layout::FaultReason::kBadArgument, 5);
    switch (static_cast<layout::MatchMode>(Group::Uniform(static_cast<u32>(match.mode)))) {
      case layout::MatchMode::kScan: {
        const MatchRun run = Scan(context, bytes, table, entry_state);
        return Outcome::Done(layout::JoinWords(run.matches, run.state));
      }
      case layout::MatchMode::kRepair: {
        const MatchRepair repair = Repair(context, bytes, table, entry_state);
        return Outcome::Done(layout::JoinWords(static_cast<u32>(repair.matches), repair.state));
      }
    }
    return Outcome::Fault(layout::FaultReason::kBadArgument, 6);
  }

 private:
  PENSTOCK_DEVICE static MatchRun Scan(const Context& context, const Bytes& bytes, const MatchTable& table, u32 entry_state) {
    if (context.group.lane_count() == 1) return table.Scan(bytes.data, bytes.length, entry_state);
    return MatchTiles(context.group, table, *context.scratch<Scratch>()).Scan(bytes.data, bytes.length, entry_state);
  }

  // The two runs nearly always meet within a few bytes, which one lane follows best. If they do not, two whole scans by all lanes
  // are faster than one lane.
  PENSTOCK_DEVICE static MatchRepair Repair(const Context& context, const Bytes& bytes, const MatchTable& table,
                                            u32 entry_state) {
    Group& group = context.group;
    if (group.lane_count() == 1) return table.Repair(bytes.data, bytes.length, entry_state);
    u32 seen = bytes.length;
    const MatchRepair near = MatchTiles(group, table, *context.scratch<Scratch>()).RepairNear(bytes.data, seen, entry_state);
    if (seen == bytes.length || near.state == layout::kConverged) return near;
    const MatchRun from_root = Scan(context, bytes, table, 0);
    group.Barrier();  // before the memory is used again
    const MatchRun from_entry = Scan(context, bytes, table, entry_state);
    return {static_cast<i32>(from_entry.matches - from_root.matches),
            from_entry.state == from_root.state ? layout::kConverged : from_entry.state};
  }
};

}  // namespace penstock::device
