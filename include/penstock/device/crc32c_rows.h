// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CRC-32C by many lanes that read a range in rows.
//
// A CRC is a sum: each word of the bytes, as a polynomial, times x to the power of the number of bits from its start to the end,
// modulo the generator. L lanes read rows of L vectors, and the last row ends where the vectors end. So each lane has four words
// of every row, and from one row to the next all it has is shifted by the same power, T = x^(128 L):
//
//   sum[w] = (sum[w] ^ word) * T      for the words w = 0 to 3 of each vector of the lane
//
// The product is four look-ups in tables that the lanes make when they start. In the end lane l's word w has been shifted by
// 128 l + 32 w bits too far, which is taken back by multiplying with the inverse power: x has one, as the generator ends in 1.
// Where the first row is not full, lanes have no vector in it, which is the same as zeros in front of the bytes: they add
// nothing. The edges are extended by the byte.
#pragma once

#include "penstock/device/reduce.h"
#include "penstock/device/rows.h"
#include "penstock/layout/crc32c.h"

namespace penstock::device {

class Crc32cRows {
 public:
  struct Scratch {
    u32 product[4][256];  // product[j][b]: byte j of a word, with value b, times T
    u32 lane[kMaxLanes];
    u8 edge[2 * kVectorBytes];  // the head's bytes, then the tail's
  };

  PENSTOCK_DEVICE Crc32cRows(Group& group, Scratch& scratch) : group_(group), scratch_(scratch) {}

  /// CRC-32C of the bytes, for the leader. Every lane calls it.
  PENSTOCK_DEVICE u32 Sum(u8* data, u32 length) {
    const Rows<Vector> rows = Rows<Vector>::Of(data, length);
    rows.ForEachEdgeByte(group_, [&](u32 offset) { scratch_.edge[rows.EdgeIndex(offset)] = LoadBuffer<u8>(data + offset); });
    MakeProducts();
    group_.Barrier();
    const u32 sum = Reduce(group_, scratch_.lane, SumOfLane(rows), [](u32 a, u32 b) { return a ^ b; });
    if (!group_.IsLeader()) return 0;
    // Without a vector nobody has taken the head.
    const u32 before = rows.items == 0 ? Extend(~0u, scratch_.edge, rows.head_bytes) : sum;
    return ~Extend(before, scratch_.edge + rows.head_bytes, rows.tail_bytes);
  }

 private:
  struct LaneShifts {
    u32 back[kMaxLanes];  // x^(-128 l)
  };
  static constexpr u32 kVectorBits = 8 * kVectorBytes;

  PENSTOCK_HOST_DEVICE static constexpr u32 TimesX(u32 value) {
    return (value >> 1) ^ (layout::kCrc32cPolynomial & (0u - (value & 1)));
  }
  PENSTOCK_HOST_DEVICE static constexpr u32 OverX(u32 value, u32 bits) {
    for (; bits > 0; --bits) {
      const bool reduced = (value & 0x80000000u) != 0;
      value = reduced ? ((value ^ layout::kCrc32cPolynomial) << 1) | 1 : value << 1;
    }
    return value;
  }
  PENSTOCK_HOST_DEVICE static constexpr LaneShifts MakeLaneShifts() {
    LaneShifts shifts = {};
    u32 power = layout::kCrc32cOne;
    for (u32& back : shifts.back) {
      back = power;
      power = OverX(power, kVectorBits);
    }
    return shifts;
  }

  /// What `state` becomes when bytes follow. Not for many.
  PENSTOCK_DEVICE static u32 Extend(u32 state, const u8* bytes, u32 length) {
    for (u32 i = 0; i < length; ++i) {
      state ^= bytes[i];
      for (u32 bit = 0; bit < 8; ++bit) state = TimesX(state);
    }
    return state;
  }

  PENSTOCK_DEVICE void MakeProducts() {
    u32 power = layout::Crc32cShift(static_cast<u64>(kVectorBytes) * group_.lane_count());
    for (u32 byte = 4; byte-- > 0;) {
      for (u32 value = group_.lane(); value < 256; value += group_.lane_count()) {
        scratch_.product[byte][value] = TimesByte(power, value);
      }
      for (u32 bit = 0; bit < 8; ++bit) power = TimesX(power);
    }
  }
  // Bit 7 of the byte is x^0.
  PENSTOCK_DEVICE static u32 TimesByte(u32 power, u32 byte) {
    u32 product = 0;
    for (u32 bit = 8; bit-- > 0;) {
      product ^= power & (0u - ((byte >> bit) & 1));
      power = TimesX(power);
    }
    return product;
  }

  // Requires: products and edges are in place.
  PENSTOCK_DEVICE u32 SumOfLane(const Rows<Vector>& rows) const {
    const u32 lanes = group_.lane_count();
    const u32 missing = (lanes - rows.items % lanes) % lanes;  // in the first row
    const u32 lane = group_.lane();
    const Share share = {lane >= missing ? lane - missing : lane + lanes - missing, lanes, rows.items};
    if (share.first >= share.count) return 0;
    u32 sum[4] = {share.first == 0 ? Extend(~0u, scratch_.edge, rows.head_bytes) : 0, 0, 0, 0};
    ForEachItem(
        share, [&](u32 item) { return rows.Load(item); },
        [&](u32, const Vector& vector) {
          for (u32 word = 0; word < 4; ++word) sum[word] = TimesT(sum[word] ^ vector.word[word]);
          return true;
        });
    return ShiftBack(sum, lane);
  }

  PENSTOCK_DEVICE u32 TimesT(u32 value) const {
    const auto& product = scratch_.product;
    return product[0][value & 0xFF] ^ product[1][(value >> 8) & 0xFF] ^ product[2][(value >> 16) & 0xFF] ^
           product[3][value >> 24];
  }

  PENSTOCK_DEVICE static u32 ShiftBack(const u32* sum, u32 lane) {
    static constexpr LaneShifts kLaneShifts = MakeLaneShifts();
    constexpr u32 kBack1 = OverX(layout::kCrc32cOne, 32);
    constexpr u32 kBack2 = OverX(kBack1, 32);
    constexpr u32 kBack3 = OverX(kBack2, 32);
    const u32 joined = sum[0] ^ layout::MultiplyCrc32c(sum[1], kBack1) ^ layout::MultiplyCrc32c(sum[2], kBack2) ^
                       layout::MultiplyCrc32c(sum[3], kBack3);
    return layout::MultiplyCrc32c(joined, kLaneShifts.back[lane]);
  }

  Group& group_;
  Scratch& scratch_;
};

}  // namespace penstock::device
