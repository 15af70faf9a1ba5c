// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the compiler needs to be told so that one function serves host and device.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define PENSTOCK_HOST_DEVICE __host__ __device__
#elif defined(__HIP__)
#define PENSTOCK_HOST_DEVICE __attribute__((host)) __attribute__((device))
#else
#define PENSTOCK_HOST_DEVICE
#endif

namespace penstock {

using u8 = std::uint8_t;    // 8 bits, a byte
using u16 = std::uint16_t;  // 16 bits
using u32 = std::uint32_t;  // 32 bits: a word of the protocol
using i32 = std::int32_t;   // 32 bits with a sign
using u64 = std::uint64_t;  // 64 bits

namespace layout {

inline constexpr u32 kLineBytes = 64;  // what one read across the bus brings

/// A 64-bit value as it travels: two words, low word first.
PENSTOCK_HOST_DEVICE constexpr u64 JoinWords(u32 low, u32 high) { return (static_cast<u64>(high) << 32) | low; }
/// Bits 0 to 31.
PENSTOCK_HOST_DEVICE constexpr u32 LowWord(u64 value) { return static_cast<u32>(value); }
/// Bits 32 to 63.
PENSTOCK_HOST_DEVICE constexpr u32 HighWord(u64 value) { return static_cast<u32>(value >> 32); }

}  // namespace layout
}  // namespace penstock
