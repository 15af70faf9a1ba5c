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

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using i32 = std::int32_t;
using u64 = std::uint64_t;

namespace layout {

inline constexpr u32 kLineBytes = 64;  // what one read across the bus brings

/// A 64-bit value as it travels: two words, low word first.
PENSTOCK_HOST_DEVICE constexpr u64 JoinWords(u32 low, u32 high) { return (static_cast<u64>(high) << 32) | low; }
PENSTOCK_HOST_DEVICE constexpr u32 LowWord(u64 value) { return static_cast<u32>(value); }
PENSTOCK_HOST_DEVICE constexpr u32 HighWord(u64 value) { return static_cast<u32>(value >> 32); }

}  // namespace layout
}  // namespace penstock
