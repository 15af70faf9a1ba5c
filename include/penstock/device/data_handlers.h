// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Handlers of the data opcodes: whole-workgroup work over bytes of registered buffers.
#pragma once

#include "penstock/device/handler.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/crc32c.h"

namespace penstock::device {

inline constexpr u32 kMaxLanes = 1024;

/// Each lane takes the CRC of its stripe; the leader joins them.
struct Crc32c {
  static constexpr u32 kOpcode = layout::kCrc32c;
  static constexpr u32 kArgumentCount = layout::kRangeWords;

  struct Scratch {
    u32 crc[kMaxLanes];
  };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes bytes;
    const layout::Range range = layout::DecodeRange(context.argument);
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    Group& group = context.group;
    u32* crcs = context.scratch<Scratch>()->crc;
    const Context::Stripe stripe = context.StripeOfLane(bytes.length);
    const u32 crc = ExtendCrc32c(0, bytes.data + stripe.begin, stripe.end - stripe.begin);
    if (group.lane_count() == 1) return Outcome::Done(crc);
    crcs[group.lane()] = crc;
    group.Barrier();
    return Outcome::Done(group.IsLeader() ? Join(crcs, group.lane_count(), bytes.length, stripe.end) : 0);
  }

 private:
  // Every stripe but the last that is not empty is as long as the leader's.
  PENSTOCK_DEVICE static u32 Join(const u32* crcs, u32 lane_count, u32 length, u32 stripe) {
    if (length == 0) return 0;
    const u32 shift = layout::Crc32cShift(stripe);
    u32 joined = crcs[0];
    u32 done = stripe;
    for (u32 lane = 1; lane < lane_count && done < length; ++lane) {
      const u32 part = length - done < stripe ? length - done : stripe;
      joined = layout::JoinCrc32c(joined, crcs[lane], part == stripe ? shift : layout::Crc32cShift(part));
      done += part;
    }
    return joined;
  }
};

/// Counts the bytes by value and stores the 256 counts at the destination.
struct Histogram {
  static constexpr u32 kOpcode = layout::kHistogram;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kDestinationWords;

  // Four tables, so that a run of equal bytes does not wait for its own last increment.
  static constexpr u32 kTables = 4;
  struct Scratch {
    u32 count[kTables][layout::kHistogramBins];
  };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes bytes;
    Bytes out;
    const layout::Range range = layout::DecodeRange(context.argument);
    const layout::Destination destination = layout::DecodeDestination(context.argument);
    const layout::Range counts = {destination.handle, destination.offset_bytes, layout::kHistogramBytes};
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, bytes); refused.IsFault()) return refused;
    if (Outcome refused = context.Resolve(counts, layout::kBufferWrite, out); refused.IsFault()) return refused;
    if (reinterpret_cast<u64>(out.data) % alignof(u32) != 0) {
      return Outcome::Fault(layout::FaultReason::kMisaligned, layout::LowWord(counts.offset_bytes));
    }
    Scratch& scratch = *context.scratch<Scratch>();
    Clear(context.group, scratch);
    context.group.Barrier();
    Count(context, bytes, scratch);
    context.group.Barrier();
    Store(context.group, scratch, reinterpret_cast<u32*>(out.data));
    context.group.Barrier();
    return Outcome::Done();
  }

 private:
  PENSTOCK_DEVICE static void Clear(const Group& group, Scratch& scratch) {
    for (u32 bin = group.lane(); bin < layout::kHistogramBins; bin += group.lane_count()) {
      for (auto& table : scratch.count) table[bin] = 0;
    }
  }

  PENSTOCK_DEVICE static void Count(const Context& context, const Bytes& bytes, Scratch& scratch) {
    const Context::Stripe stripe = context.StripeOfLane(bytes.length);
    const bool alone = context.group.lane_count() == 1;
    u32 at = stripe.begin;
    for (; at + 8 <= stripe.end; at += 8) {
      u64 word;
      __builtin_memcpy(&word, bytes.data + at, sizeof(word));
      for (u32 i = 0; i < 8; ++i, word >>= 8) Increment(&scratch.count[i % kTables][word & 0xFF], alone);
    }
    for (; at < stripe.end; ++at) Increment(&scratch.count[0][bytes.data[at]], alone);
  }

  PENSTOCK_DEVICE static void Increment(u32* count, bool alone) {
    if (alone) {
      ++*count;
    } else {
      layout::FetchAdd<layout::Scope::kWorkgroup>(count, 1u);
    }
  }

  PENSTOCK_DEVICE static void Store(const Group& group, const Scratch& scratch, u32* out) {
    for (u32 bin = group.lane(); bin < layout::kHistogramBins; bin += group.lane_count()) {
      u32 sum = 0;
      for (const auto& table : scratch.count) sum += table[bin];
      out[bin] = sum;
    }
  }
};

/// Copies the range to the destination. The two must not overlap.
struct Copy {
  static constexpr u32 kOpcode = layout::kCopy;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kDestinationWords;

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    Bytes source;
    Bytes target;
    const layout::Range range = layout::DecodeRange(context.argument);
    const layout::Destination destination = layout::DecodeDestination(context.argument);
    const layout::Range into = {destination.handle, destination.offset_bytes, range.length_bytes};
    if (Outcome refused = context.Resolve(range, layout::kBufferRead, source); refused.IsFault()) return refused;
    if (Outcome refused = context.Resolve(into, layout::kBufferWrite, target); refused.IsFault()) return refused;
    if (source.data < target.data + target.length && target.data < source.data + source.length) {
      return Outcome::Fault(layout::FaultReason::kBadArgument, 4);
    }
    const Context::Stripe stripe = context.StripeOfLane(source.length);
    __builtin_memcpy(target.data + stripe.begin, source.data + stripe.begin, stripe.end - stripe.begin);
    context.group.Barrier();
    return Outcome::Done(source.length);
  }
};

/// What FILL and VERIFY share: the two ranges that their arguments name.
struct PatternedRange {
  Bytes bytes;
  Bytes pattern;
  u32 phase;

  PENSTOCK_DEVICE static Outcome Decode(const Context& context, u32 rights, PatternedRange& out) {
    const layout::Range range = layout::DecodeRange(context.argument);
    const layout::Pattern pattern = layout::DecodePattern(context.argument);
    if (Outcome refused = context.Resolve(range, rights, out.bytes); refused.IsFault()) return refused;
    const layout::Range source = {pattern.handle, 0, pattern.length_bytes};
    if (Outcome refused = context.Resolve(source, layout::kBufferRead, out.pattern); refused.IsFault()) return refused;
    if (pattern.length_bytes == 0) return Outcome::Fault(layout::FaultReason::kBadArgument, 5);
    if (pattern.phase >= pattern.length_bytes) return Outcome::Fault(layout::FaultReason::kBadArgument, 6);
    out.phase = pattern.phase;
    return Outcome::Done();
  }

  /// Calls `visit(offset in the range, what belongs there, length)` for this lane's stripe, piece by piece, until it returns
  /// false. After one period what was visited is itself what belongs further on: so a short pattern makes no short pieces.
  template <typename Visit>
  PENSTOCK_DEVICE void ForEachPiece(const Context& context, Visit visit) const {
    const Context::Stripe stripe = context.StripeOfLane(bytes.length);
    u32 at = static_cast<u32>((static_cast<u64>(phase) + stripe.begin) % pattern.length);
    u32 done = stripe.begin;
    for (u32 left = pattern.length; left > 0 && done < stripe.end; at = 0) {
      const u32 piece = Least(stripe.end - done, Least(left, pattern.length - at));
      if (!visit(done, pattern.data + at, piece)) return;
      done += piece;
      left -= piece;
    }
    constexpr u32 kEnoughBytes = 4096;  // stays in the nearest cache
    for (u32 known = pattern.length; done < stripe.end;) {
      const u32 piece = Least(stripe.end - done, known);
      if (!visit(done, bytes.data + stripe.begin, piece)) return;
      done += piece;
      if (known < kEnoughBytes) known *= 2;
    }
  }

 private:
  PENSTOCK_DEVICE static u32 Least(u32 a, u32 b) { return a < b ? a : b; }
};

/// Writes the pattern over the range, again and again.
struct Fill {
  static constexpr u32 kOpcode = layout::kFill;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kPatternWords;

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    PatternedRange range;
    if (Outcome refused = PatternedRange::Decode(context, layout::kBufferWrite, range); refused.IsFault()) return refused;
    range.ForEachPiece(context, [&](u32 at, const u8* source, u32 length) {
      MoveBytes(range.bytes.data + at, source, length);
      return true;
    });
    context.group.Barrier();
    return Outcome::Done(range.bytes.length);
  }
};

/// Compares the range with the pattern; the result is where they first differ.
struct Verify {
  static constexpr u32 kOpcode = layout::kVerify;
  static constexpr u32 kArgumentCount = layout::kRangeWords + layout::kPatternWords;

  struct Scratch {
    u64 first[kMaxLanes];
  };

  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    PatternedRange range;
    if (Outcome refused = PatternedRange::Decode(context, layout::kBufferRead, range); refused.IsFault()) return refused;
    u64* firsts = context.scratch<Scratch>()->first;
    u64 first = layout::kNoDifference;
    range.ForEachPiece(context, [&](u32 at, const u8* expected, u32 length) {
      first = FirstDifference(range.bytes.data + at, expected, length);
      if (first != layout::kNoDifference) first += at;
      return first == layout::kNoDifference;
    });
    firsts[context.group.lane()] = first;
    context.group.Barrier();
    for (u32 lane = 0; context.group.IsLeader() && lane < context.group.lane_count(); ++lane) {
      if (firsts[lane] < first) first = firsts[lane];
    }
    return Outcome::Done(first);
  }

 private:
  PENSTOCK_DEVICE static u64 FirstDifference(const u8* bytes, const u8* expected, u32 length) {
    if (EqualBytes(bytes, expected, length)) return layout::kNoDifference;
    // Bounded, although they differ: somebody may be writing the buffer meanwhile.
    for (u32 i = 0; i < length; ++i) {
      if (bytes[i] != expected[i]) return i;
    }
    return layout::kNoDifference;
  }
};

}  // namespace penstock::device
