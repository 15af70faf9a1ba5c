// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The automaton over a range, by many lanes: tile by tile, each brought into memory of the workgroup by rows and scanned there by
// all lanes, a part of 64 bytes each.
//
// Lane 0 starts in the true state, the others at the root. Then every lane looks at the state in which its predecessor has ended,
// and repairs its own run if that was not the root. A repair that meets the run from the root leaves its final state alone,
// which is the rule; where one does not, the next lane looks again. Each round makes at least one more final state true, so
// the rounds end, at the latest after as many as there are lanes, when nothing has changed.
#pragma once

#include "penstock/device/match_table.h"
#include "penstock/device/reduce.h"
#include "penstock/device/rows.h"
#include "penstock/layout/atomic.h"

namespace penstock::device {

class MatchTiles {
 public:
  static constexpr u32 kPartBytes = 64;
  // A part's words and one more: so lanes at the same place of their parts read from different banks of the memory.
  static constexpr u32 kPartWords = kPartBytes / sizeof(u32) + 1;

  struct Scratch {
    u32 part[kMaxLanes][kPartWords];
    u32 state[kMaxLanes];  // in which each lane's part ends; matches, in the end
    u32 changed_round;     // the last round in which a final state changed
  };

  PENSTOCK_DEVICE MatchTiles(Group& group, const MatchTable& table, Scratch& scratch)
      : group_(group), table_(table), scratch_(scratch) {}

  /// Runs from `state` over the bytes, for the leader. Every lane calls it.
  PENSTOCK_DEVICE MatchRun Scan(u8* bytes, u32 length, u32 state) {
    const u32 tile_bytes = group_.lane_count() * kPartBytes;
    const u32 skew = static_cast<u32>(reinterpret_cast<u64>(bytes) % kVectorBytes);
    u32 matches = 0;
    u32 round = 0;
    if (group_.IsLeader()) scratch_.changed_round = 0;
    for (u32 done = 0, begin = skew; done < length; begin = 0) {
      const u32 piece = length - done < tile_bytes - begin ? length - done : tile_bytes - begin;
      Fetch(bytes + done, piece, begin);
      group_.Barrier();
      matches += ScanTile(begin, begin + piece, state, round);
      state = Group::Uniform(scratch_.state[(begin + piece - 1) / kPartBytes]);
      done += piece;
    }
    group_.Barrier();
    return {Reduce(group_, scratch_.state, matches, [](u32 a, u32 b) { return a + b; }), state};
  }

  /// MatchTable::Repair over at most the first part, for every lane; `length` is cut to what it has seen. Every lane calls it.
  PENSTOCK_DEVICE MatchRepair RepairNear(u8* bytes, u32& length, u32 state) {
    const u32 skew = static_cast<u32>(reinterpret_cast<u64>(bytes) % kVectorBytes);
    if (length > kPartBytes - skew) length = kPartBytes - skew;
    Fetch(bytes, length, skew);
    group_.Barrier();
    const MatchRepair repair = table_.Repair(reinterpret_cast<const u8*>(scratch_.part[0]) + skew, length, state);
    group_.Barrier();  // before the memory is used again
    return {repair.matches, Group::Uniform(repair.state)};
  }

 private:
  // Brings bytes to their place in the tile; `begin` is as far from a multiple of 16 as their address is.
  PENSTOCK_DEVICE void Fetch(u8* bytes, u32 length, u32 begin) {
    const Rows<Vector> rows = Rows<Vector>::Of(bytes, length);
    ForEachItem(
        Share::Of(group_, rows.items), [&](u32 item) { return rows.Load(item); },
        [&](u32 item, const Vector& vector) {
          const u32 at = begin + rows.OffsetOf(item);
          u32* words = &scratch_.part[at / kPartBytes][at % kPartBytes / sizeof(u32)];
          for (u32 i = 0; i < 4; ++i) words[i] = vector.word[i];
          return true;
        });
    rows.ForEachEdgeByte(group_, [&](u32 offset) {
      const u32 at = begin + offset;
      reinterpret_cast<u8*>(scratch_.part[at / kPartBytes])[at % kPartBytes] = LoadBuffer<u8>(bytes + offset);
    });
  }

  // The matches of this lane's part of the tile, whose bytes from `begin` to `end` count.
  PENSTOCK_DEVICE u32 ScanTile(u32 begin, u32 end, u32 state, u32& round) {
    const u32 lane = group_.lane();
    const u32 from = lane == 0 ? begin : lane * kPartBytes;
    const u32 length = end <= from                                   ? 0
                       : end - from < (lane + 1) * kPartBytes - from ? end - from
                                                                     : (lane + 1) * kPartBytes - from;
    const u8* part = reinterpret_cast<const u8*>(scratch_.part[lane]) + from % kPartBytes;
    const MatchRun run = table_.ScanStraight(part, length, lane == 0 ? state : 0);
    scratch_.state[lane] = run.state;
    group_.Barrier();
    const bool has_predecessor = lane > 0 && length > 0;
    u32 entry = 0;
    i32 repaired = 0;
    do {
      ++round;
      const u32 true_entry = has_predecessor ? scratch_.state[lane - 1] : 0;
      group_.Barrier();
      if (true_entry != entry) {
        entry = true_entry;
        const MatchRepair repair = table_.Repair(part, length, entry);
        repaired = repair.matches;
        SetState(lane, repair.state == layout::kConverged ? run.state : repair.state, round);
      }
      group_.Barrier();
    } while (Group::Uniform(layout::LoadRelaxed<layout::Scope::kWorkgroup>(&scratch_.changed_round)) == round);
    return run.matches + static_cast<u32>(repaired);
  }

  PENSTOCK_DEVICE void SetState(u32 lane, u32 state, u32 round) {
    if (scratch_.state[lane] == state) return;
    scratch_.state[lane] = state;
    layout::StoreRelaxed<layout::Scope::kWorkgroup>(&scratch_.changed_round, round);
  }

  Group& group_;
  const MatchTable& table_;
  Scratch& scratch_;
};

}  // namespace penstock::device
