// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The handler: looks a key up in the table on the volume, through the cache. A GPU compiler makes GPU code of this header, any
// other the CPU device's.
#pragma once

#include "bucket.h"
#include "cache_line.h"
#include "penstock/device/program.h"

namespace hash_lookup {

using penstock::u8;
namespace device = penstock::device;

/// What a slot says.
struct LookupArguments {
  u64 key;
  u32 table;         // the I/O service's handle of the table
  u32 bucket_count;  // of the table
  u32 lines;         // the buffer of CacheLines
  u32 bytes;         // the buffer of the lines' bytes: kBucketBytes each
  u32 line_count;
};
inline constexpr u32 kLookupWords = 7;

PENSTOCK_HOST_DEVICE constexpr LookupArguments DecodeLookup(const u32* argument) {
  return {layout::JoinWords(argument[0], argument[1]), argument[2], argument[3], argument[4], argument[5], argument[6]};
}
PENSTOCK_HOST_DEVICE constexpr void EncodeLookup(const LookupArguments& lookup, u32* argument) {
  argument[0] = layout::LowWord(lookup.key);
  argument[1] = layout::HighWord(lookup.key);
  argument[2] = lookup.table;
  argument[3] = lookup.bucket_count;
  argument[4] = lookup.lines;
  argument[5] = lookup.bytes;
  argument[6] = lookup.line_count;
}

/// The handler counts in these user words, which the host can watch. Each bucket that a lookup needs is a hit or a miss.
enum CountWord : u32 { kHits, kMisses, kBusyLines, kCountWords };

/// The result is the key's value, or kNotFound. FAULT kIoFailed: a bucket could not be read; kHandlerFault: what was read is not
/// the bucket whose number is the detail.
struct Lookup {
  static constexpr u32 kOpcode = 0x10010;
  static constexpr u32 kArgumentCount = kLookupWords;
  enum Step : u32 { kBegin, kLanded, kAgain };

  // One for all lanes. The leader writes it before a barrier; behind that, the lane that finds something.
  struct Scratch {
    u32 bucket;
    Hold hold;
    u64 value;
    u32 is_whole;  // it is the bucket that was asked for
    u32 is_full;   // what overflowed is in the next one
  };

  PENSTOCK_DEVICE static device::Outcome Run(const device::Context& context) {
    using device::Outcome;
    const LookupArguments lookup = DecodeLookup(context.argument);
    Cache cache;
    if (Outcome refused = Resolve(context, lookup, cache); refused.IsFault()) return refused;
    device::Group& group = context.group;
    Scratch& shared = *context.scratch<Scratch>();
    for (u32 step = context.wait.step;; step = kAgain) {  // a round for each bucket
      if (group.IsLeader()) Approach(context, lookup, cache, step, shared);
      group.Barrier();
      const u32 bucket = shared.bucket;
      const u32 line = bucket % lookup.line_count;
      switch (shared.hold) {
        case Hold::kHeld: break;
        case Hold::kMiss:
          return context.WaitIo(
              {layout::kIoRead, lookup.table, cache.lines[line].destination, u64{bucket} * kBucketBytes, kBucketBytes, bucket},
              kLanded);
        case Hold::kBusy: return Outcome::Yield(kAgain);
        case Hold::kLost: return Outcome::IoFault({static_cast<u32>(layout::IoCause::kGivenUp), 0});
        case Hold::kFailed: return Outcome::IoFault(context.wait.end);
      }
      Search(group, cache.bytes + u64{line} * kBucketBytes, bucket, lookup.key, shared);
      group.Barrier();  // every lane has read: from here on the line may be another bucket's
      if (group.IsLeader()) cache.lines[line].Release();
      if (shared.is_whole == 0) return Outcome::Fault(layout::FaultReason::kHandlerFault, bucket);
      if (shared.value != kNotFound || shared.is_full == 0) return Outcome::Done(shared.value);
      group.Barrier();  // every lane has seen that the search goes on
      if (group.IsLeader()) context.wait.frame[0] = NextBucket(bucket, lookup.bucket_count);
      if (NextBucket(bucket, lookup.bucket_count) == FirstBucket(lookup.key, lookup.bucket_count))
        return Outcome::Done(kNotFound);
    }
  }

 private:
  struct Cache {
    CacheLine* lines;
    const u8* bytes;
  };

  PENSTOCK_DEVICE static device::Outcome Resolve(const device::Context& context, const LookupArguments& lookup, Cache& cache) {
    using device::Outcome;
    if (context.wait.frame == nullptr) return Outcome::Fault(layout::FaultReason::kNotConnected);
    if (lookup.key == kNoKey) return Outcome::Fault(layout::FaultReason::kBadArgument, 0);
    if (lookup.bucket_count == 0) return Outcome::Fault(layout::FaultReason::kBadArgument, 3);
    if (lookup.line_count == 0 || lookup.line_count > ~0u / kBucketBytes) {
      return Outcome::Fault(layout::FaultReason::kBadArgument, 6);
    }
    device::Bytes lines;
    device::Bytes bytes;
    const u32 lines_bytes = lookup.line_count * static_cast<u32>(sizeof(CacheLine));
    if (Outcome refused = context.Resolve({lookup.lines, 0, lines_bytes}, layout::kBufferRead | layout::kBufferWrite, lines);
        refused.IsFault()) {
      return refused;
    }
    if (Outcome refused = context.Resolve({lookup.bytes, 0, lookup.line_count * kBucketBytes}, layout::kBufferRead, bytes);
        refused.IsFault()) {
      return refused;
    }
    cache = {reinterpret_cast<CacheLine*>(lines.data), bytes.data};
    return Outcome::Done();
  }

  /// The leader's part of a round: gets hold of the bucket's line, or says what to wait for.
  PENSTOCK_DEVICE static void Approach(const device::Context& context, const LookupArguments& lookup, const Cache& cache,
                                       u32 step, Scratch& shared) {
    if (step == kBegin) context.wait.frame[0] = FirstBucket(lookup.key, lookup.bucket_count);
    shared.bucket = context.wait.frame[0];
    shared.value = kNotFound;
    CacheLine& line = cache.lines[shared.bucket % lookup.line_count];
    if (step == kLanded) {
      shared.hold = line.EndLoad(shared.bucket, context.wait.end);
      return;
    }
    shared.hold = line.TryHold(shared.bucket);
    Count(context.view, shared.hold);
  }

  PENSTOCK_DEVICE static void Count(const device::DeviceView& view, Hold hold) {
    if (hold == Hold::kLost || view.user_word_count < kCountWords) return;
    const u32 word = hold == Hold::kHeld ? kHits : hold == Hold::kMiss ? kMisses : kBusyLines;
    layout::FetchAdd<layout::Scope::kDevice, layout::Order::kRelaxed>(&view.user_words[word], 1u);
  }

  /// All lanes: 16 bytes each, as often as it takes. The header is as long as an entry, and the leader's.
  PENSTOCK_DEVICE static void Search(const device::Group& group, const u8* bytes, u32 bucket, u64 key, Scratch& shared) {
    for (u32 i = group.lane(); i <= kEntriesPerBucket; i += group.lane_count()) {
      const auto row = device::LoadBuffer<device::Vector>(bytes + u64{i} * device::kVectorBytes);
      if (i == 0) {
        shared.is_whole = row.word[0] == kBucketMagic && row.word[1] == bucket ? 1 : 0;
        shared.is_full = row.word[2] == kEntriesPerBucket ? 1 : 0;
      } else if (layout::JoinWords(row.word[0], row.word[1]) == key) {
        shared.value = layout::JoinWords(row.word[2], row.word[3]);
      }
    }
  }
};

/// What the megakernel can run: Penstock's handlers and this one.
using Program = device::Program<Lookup>;

}  // namespace hash_lookup
