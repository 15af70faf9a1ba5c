// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Joining CRC-32C values (Castagnoli, RFC 3720): the CRC of two byte strings from the CRCs of each and the length of the second.
//
// A CRC is a polynomial over GF(2), reflected: bit 31 is x^0. Appending n bytes multiplies by x^(8n) modulo the generator.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

/// The generator, reflected, without its highest term.
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

inline constexpr u32 kCrc32cOne = 0x80000000u;  // x^0

namespace crc32c_internal {

struct Shifts {
  u32 of_bytes[64];  // x^(8 * 2^i)
};
PENSTOCK_HOST_DEVICE constexpr Shifts MakeShifts() {
  Shifts shifts = {};
  u32 power = kCrc32cOne >> 8;
  for (u32& shift : shifts.of_bytes) {
    shift = power;
    power = MultiplyCrc32c(power, power);
  }
  return shifts;
}

}  // namespace crc32c_internal

/// x^(8 * length_bytes) modulo the generator: what appending that many bytes multiplies a CRC by.
/// Cost: a multiplication for each bit that is set; keep the result when many strings have the same length.
PENSTOCK_HOST_DEVICE constexpr u32 Crc32cShift(u64 length_bytes) {
  constexpr crc32c_internal::Shifts kShifts = crc32c_internal::MakeShifts();
  u32 result = kCrc32cOne;
  for (u32 bit = 0; length_bytes != 0; ++bit, length_bytes >>= 1) {
    if ((length_bytes & 1) != 0) result = MultiplyCrc32c(kShifts.of_bytes[bit], result);
  }
  return result;
}

/// CRC of A followed by B, where `shift_of_b` is Crc32cShift(length of B). The CRC of the empty string is 0.
PENSTOCK_HOST_DEVICE constexpr u32 JoinCrc32c(u32 crc_of_a, u32 crc_of_b, u32 shift_of_b) {
  return MultiplyCrc32c(shift_of_b, crc_of_a) ^ crc_of_b;
}

}  // namespace penstock::layout
