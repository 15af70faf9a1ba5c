// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table on the volume, as host and device know it: buckets of 4 KiB one after the other, nothing else.
//
// An entry is in the bucket that its key hashes to, or, where that is full, in the first one behind it that was not. So a search
// ends at the entry, or at a bucket that is not full.
#pragma once

#include "penstock/layout/target.h"

namespace hash_lookup {

using penstock::u32;
using penstock::u64;

inline constexpr u32 kBucketBytes = 4096;
inline constexpr u32 kEntriesPerBucket = 255;
inline constexpr u32 kBucketMagic = 0x746B6362;  // "bckt"
inline constexpr u64 kNoKey = 0;                 // of an entry that is not used
inline constexpr u64 kNotFound = ~u64{0};        // no entry's value, but the answer where there is none

struct BucketHeader {
  u32 magic;
  u32 number;       // its place in the table: who reads another bucket notices
  u32 entry_count;  // the first ones are used
  u32 reserved;
};

struct Entry {
  u64 key;
  u64 value;
};

struct alignas(16) Bucket {
  BucketHeader header;
  Entry entry[kEntriesPerBucket];
};
static_assert(sizeof(Bucket) == kBucketBytes && sizeof(BucketHeader) == sizeof(Entry));

/// Where the search for a key begins. Requires: bucket_count > 0.
PENSTOCK_HOST_DEVICE constexpr u32 FirstBucket(u64 key, u32 bucket_count) {
  key = (key ^ key >> 33) * 0xFF51AFD7ED558CCD;
  key = (key ^ key >> 33) * 0xC4CEB9FE1A85EC53;
  return static_cast<u32>((key >> 32) * bucket_count >> 32);
}

PENSTOCK_HOST_DEVICE constexpr u32 NextBucket(u32 bucket, u32 bucket_count) {
  return bucket + 1 == bucket_count ? 0 : bucket + 1;
}

}  // namespace hash_lookup
