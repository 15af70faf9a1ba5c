// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/crc32c.h"

#include <gtest/gtest.h>
#include <isa-l/crc.h>

#include <random>
#include <vector>

namespace penstock::layout {
namespace {

// ISA-L leaves the inversions that RFC 3720 asks for to the caller.
u32 Reference(const u8* bytes, size_t length_bytes) {
  return ~crc32_iscsi(const_cast<u8*>(bytes), static_cast<int>(length_bytes), ~0u);
}

static_assert(Crc32cShift(0) == 0x80000000u, "appending nothing multiplies by one");
static_assert(JoinCrc32c(0x12345678u, 0, Crc32cShift(0)) == 0x12345678u);

TEST(Crc32c, ReferenceKnowsTheCheckValue) {
  EXPECT_EQ(Reference(reinterpret_cast<const u8*>("123456789"), 9), 0xE3069283u);
  EXPECT_EQ(Reference(nullptr, 0), 0u);
}

TEST(Crc32c, JoiningAtAnyPlaceGivesTheWhole) {
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (u32 round = 0; round < 300; ++round) {
    std::vector<u8> bytes(random() % 5000);
    for (u8& byte : bytes) byte = static_cast<u8>(random());
    const size_t at = random() % (bytes.size() + 1);
    const size_t rest = bytes.size() - at;
    const u32 joined = JoinCrc32c(Reference(bytes.data(), at), Reference(bytes.data() + at, rest), Crc32cShift(rest));
    ASSERT_EQ(joined, Reference(bytes.data(), bytes.size())) << at << " of " << bytes.size();
  }
}

TEST(Crc32c, ManyPiecesJoinFromTheLeft) {
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::vector<u8> bytes(100'000);
  for (u8& byte : bytes) byte = static_cast<u8>(random());
  u32 joined = 0;
  for (size_t at = 0; at < bytes.size();) {
    const size_t piece = std::min<size_t>(random() % 3000, bytes.size() - at);
    joined = JoinCrc32c(joined, Reference(&bytes[at], piece), Crc32cShift(piece));
    at += piece;
  }
  EXPECT_EQ(joined, Reference(bytes.data(), bytes.size()));
}

TEST(Crc32c, ShiftsOfLengthsBeyond32BitsCompose) {
  constexpr u64 kLength = (u64{1} << 40) + 12345;
  EXPECT_EQ(MultiplyCrc32c(Crc32cShift(kLength), Crc32cShift(67)), Crc32cShift(kLength + 67));
}

}  // namespace
}  // namespace penstock::layout
