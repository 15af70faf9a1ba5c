// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The opcodes FILL and VERIFY: a pattern that repeats over a range.
//
// A short pattern is staged in memory of the workgroup. A long one is gone through period by period, beside the range.
#pragma once

#include "penstock/device/copy_rows.h"
#include "penstock/device/handler.h"
#include "penstock/device/lowest_difference.h"
#include "penstock/device/staged_pattern.h"

namespace penstock::device {

/// The two ranges that the arguments name.
PENSTOCK_DEVICE Outcome DecodePatterned(const Context& context, u32 rights, PatternedBytes& out) {
  Bytes bytes;
  Bytes repeated;
  const layout::Range range = layout::DecodeRange(context.argument);
  const layout::Pattern pattern = layout::DecodePattern(context.argument);
  if (Outcome refused = context.Resolve(range, rights, bytes); refused.IsFault()) return refused;
  const layout::Range source = {pattern.handle, 0, pattern.length_bytes};
  if (Outcome refused = context.Resolve(source, layout::kBufferRead, repeated); refused.IsFault()) return refused;
  if (pattern.length_bytes == 0) return Outcome::Fault(layout::FaultReason::kBadArgument, 5);
  if (pattern.phase >= pattern.length_bytes) return Outcome::Fault(layout::FaultReason::kBadArgument, 6);
  out = {bytes.data, bytes.length, repeated.data, repeated.length, Group::Uniform(pattern.phase)};
  return Outcome::Done();
}

/// Calls `visit(offset in the range, pattern's bytes, length)` for the pieces of the range in which the pattern does not wrap,
/// until it returns false.
template <typename Visit>
PENSTOCK_DEVICE void ForEachPeriod(const PatternedBytes& range, Visit visit) {
  u32 at = range.phase;
  for (u32 done = 0; done < range.length; at = 0) {
    const u32 left = range.length - done;
    const u32 piece = left < range.pattern_length - at ? left : range.pattern_length - at;
    if (!visit(done, range.pattern + at, piece)) return;
    done += piece;
  }
}

/// Writes the pattern over the range, again and again.
struct Fill {
  static constexpr u32 kOpcode = layout::kFill;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kPatternWords;

  using Scratch = StagedPattern::Scratch;

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    PatternedBytes range;
    if (Outcome refused = DecodePatterned(context, layout::kBufferWrite, range); refused.IsFault()) return refused;
    Group& group = context.group;
    if (OneLane::Fill(group, range)) return Outcome::Done(range.length);
    if (StagedPattern::IsWorthIt(range)) {
      Repeat(group, range, StagedPattern(group, range, *context.scratch<Scratch>()));
    } else {
      ForEachPeriod(range, [&](u32 offset, u8* pattern, u32 length) {
        CopyRows(group, range.bytes + offset, pattern, length);
        return true;
      });
    }
    group.Barrier();
    return Outcome::Done(range.length);
  }

 private:
  PENSTOCK_DEVICE static void Repeat(const Group& group, const PatternedBytes& range, const StagedPattern& pattern) {
    const Rows<Vector> rows = Rows<Vector>::Of(range.bytes, range.length);
    ForEachItem(
        Share::Of(group, rows.items), [&](u32 item) { return pattern.At<Vector>(rows.OffsetOf(item)); },
        [&](u32 item, const Vector& vector) {
          StoreBuffer<Vector>(rows.data + rows.OffsetOf(item), vector);
          return true;
        });
    rows.ForEachEdgeByte(group, [&](u32 offset) { StoreBuffer<u8>(rows.data + offset, pattern.At<u8>(offset)); });
  }
};

/// Compares the range with the pattern; the result is where they first differ.
struct Verify {
  static constexpr u32 kOpcode = layout::kVerify;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kPatternWords;

  struct Scratch {
    u32 lowest;  // the lowest offset known to differ: a lane that has got there stops
    StagedPattern::Scratch pattern;
  };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    PatternedBytes range;
    if (Outcome refused = DecodePatterned(context, layout::kBufferRead, range); refused.IsFault()) return refused;
    Group& group = context.group;
    if (u64 first; OneLane::Verify(group, range, first)) return Outcome::Done(first);
    Scratch& scratch = *context.scratch<Scratch>();
    if (group.IsLeader()) scratch.lowest = LowestDifference::kNone;
    group.Barrier();
    const LowestDifference lowest(&scratch.lowest);
    if (StagedPattern::IsWorthIt(range)) {
      CompareStaged(group, range, StagedPattern(group, range, scratch.pattern), lowest);
    } else {
      CompareInPlace(group, range, lowest);
    }
    group.Barrier();
    return Outcome::Done(lowest.Get() == LowestDifference::kNone ? layout::kNoDifference : lowest.Get());
  }

 private:
  template <typename Item>
  struct Pair {
    Item is;
    Item expected;
  };

  PENSTOCK_DEVICE static void CompareStaged(const Group& group, const PatternedBytes& range, const StagedPattern& pattern,
                                            const LowestDifference& lowest) {
    const Rows<Vector> rows = Rows<Vector>::Of(range.bytes, range.length);
    ForEachItem(
        Share::Of(group, rows.items), [&](u32 item) { return rows.Load(item); },
        [&](u32 item, const Vector& vector) {
          const u32 offset = rows.OffsetOf(item);
          return lowest.Compare(offset, vector, pattern.At<Vector>(offset));
        });
    rows.ForEachEdgeByte(group,
                         [&](u32 offset) { lowest.Compare(offset, LoadBuffer<u8>(rows.data + offset), pattern.At<u8>(offset)); });
  }

  PENSTOCK_DEVICE static void CompareInPlace(const Group& group, const PatternedBytes& range, const LowestDifference& lowest) {
    ForEachPeriod(range, [&](u32 begin, u8* expected, u32 length) {
      WithCommonItem(range.bytes + begin, expected, [&]<typename Item>() {
        const Rows<Item> rows = Rows<Item>::Of(range.bytes + begin, length);
        ForEachItem(
            Share::Of(group, rows.items),
            [&](u32 item) {
              return Pair<Item>{rows.Load(item), LoadBuffer<Item>(expected + rows.OffsetOf(item))};
            },
            [&](u32 item, const Pair<Item>& pair) {
              return lowest.Compare(begin + rows.OffsetOf(item), pair.is, pair.expected);
            });
        rows.ForEachEdgeByte(group, [&](u32 offset) {
          lowest.Compare(begin + offset, LoadBuffer<u8>(rows.data + offset), LoadBuffer<u8>(expected + offset));
        });
      });
      return begin < lowest.Get();
    });
  }
};

}  // namespace penstock::device
