// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One line of the cache: which bucket is in it, and who uses it. All of that is one word, so that each change is one
// compare-and-swap in device memory:
//
//   absent -> loading     who misses; the line is then its own until the bytes are there
//   loading -> present    who loaded it, as its first reader; absent again if the read has failed
//   present, n readers    each hit adds itself, and takes itself off when it has read
//   present, 0 readers -> loading    another bucket takes the line: never under a reader
//   loading -> lost       the read was given up, and its bytes may land any time: nobody uses the line any more
//
// Nobody ever holds a line and waits for another one, so nobody waits for ever.
#pragma once

#include "penstock/device/group.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/live_io.h"

namespace hash_lookup {

using penstock::u32;
using penstock::u64;
namespace layout = penstock::layout;

/// How an attempt to get hold of a bucket went.
enum class Hold : u32 {
  kHeld,    // the caller is a reader: it calls Release
  kMiss,    // the line is the caller's: it loads the bucket, and calls EndLoad
  kBusy,    // somebody else has the line: try again later
  kLost,    // the line is of no more use
  kFailed,  // the load has failed, and the line is not held
};

struct alignas(16) CacheLine {
  u64 word;         // high: the bucket; low: its state
  u32 destination;  // the I/O service's handle of the line's bytes
  u32 reserved;

  enum State : u32 { kAbsent, kLoading, kLost, kPresent };  // kPresent + n: with n readers

  PENSTOCK_DEVICE Hold TryHold(u32 bucket) {
    u64 now = layout::LoadRelaxed<layout::Scope::kDevice>(&word);
    for (;;) {
      const u32 state = layout::LowWord(now);
      if (state == kLost) return Hold::kLost;
      const bool is_hit = state >= kPresent && layout::HighWord(now) == bucket;
      if (!is_hit && state != kAbsent && state != kPresent) return Hold::kBusy;
      // Pairs with EndLoad, whose bytes a hit reads, and with Release: what readers have read may now be overwritten.
      const u64 next = is_hit ? now + 1 : layout::JoinWords(kLoading, bucket);
      if (layout::CompareExchange<layout::Scope::kDevice>(&word, now, next)) return is_hit ? Hold::kHeld : Hold::kMiss;
    }
  }

  /// Requires: TryHold said kMiss to the caller, and the load that it began has ended.
  PENSTOCK_DEVICE Hold EndLoad(u32 bucket, const layout::IoEnd& end) {
    const bool may_still_land = end.cause == static_cast<u32>(layout::IoCause::kGivenUp) ||
                                end.cause == static_cast<u32>(layout::IoCause::kServiceStopped);
    const u32 state = end.ok() ? kPresent + 1 : may_still_land ? kLost : kAbsent;
    layout::StoreRelease<layout::Scope::kDevice>(&word, layout::JoinWords(state, bucket));
    return end.ok() ? Hold::kHeld : Hold::kFailed;
  }

  /// Requires: the caller is a reader.
  PENSTOCK_DEVICE void Release() { layout::FetchAdd<layout::Scope::kDevice, layout::Order::kRelease>(&word, ~u64{0}); }
};
static_assert(sizeof(CacheLine) == 16);

}  // namespace hash_lookup
