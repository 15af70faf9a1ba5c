// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Joining CRC-32C values (Castagnoli, RFC 3720): the CRC of two byte strings from the CRCs of each and the length of the second.
//
// A CRC is a polynomial over GF(2), reflected: bit 31 is x^0. Appending n bytes multiplies by x^(8n) modulo the generator.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

inline constexpr u32 kCrc32cPolynomial = 0x82F63B78u;

/// a times b modulo the generator.
PENSTOCK_HOST_DEVICE constexpr u32 MultiplyCrc32c(u32 a, u32 b) {
  u32 product = 0;
  for (u32 bit = 0x80000000u; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kCrc32cPolynomial : b >> 1;
  }
  return product;
}

/// x^(8 * length_bytes) modulo the generator: what appending that many bytes multiplies a CRC by.
/// Cost: at most 128 multiplications; keep the result when many strings have the same length.
PENSTOCK_HOST_DEVICE constexpr u32 Crc32cShift(u64 length_bytes) {
  u32 result = 0x80000000u;  // x^0
  u32 power = 0x00800000u;   // x^8
  for (; length_bytes != 0; length_bytes >>= 1) {
    if ((length_bytes & 1) != 0) result = MultiplyCrc32c(power, result);
    power = MultiplyCrc32c(power, power);
  }
  return result;
}

/// CRC of A followed by B, where `shift_of_b` is Crc32cShift(length of B). The CRC of the empty string is 0.
PENSTOCK_HOST_DEVICE constexpr u32 JoinCrc32c(u32 crc_of_a, u32 crc_of_b, u32 shift_of_b) {
  return MultiplyCrc32c(shift_of_b, crc_of_a) ^ crc_of_b;
}

}  // namespace penstock::layout
