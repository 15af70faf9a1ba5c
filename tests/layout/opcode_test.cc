// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/opcode.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::layout {
namespace {

constexpr u32 kBuiltins[] = {kNop,     kStoreU32,   kAtomicAdd, kLoadU32, kCompareSwap, kMemcpy,
                             kDfaStep, kBatchFence, kLoadMiss,  kPrintf,  kPackedSlot,  kShutdown};

TEST(Opcode, BuiltinsHaveTheirFixedNumbers) {
  constexpr u32 kNumbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 0xFFFD, 0xFFFE, 0x80000001u, 0xFFFFFFFFu};
  for (u32 i = 0; i < std::size(kBuiltins); ++i) EXPECT_EQ(kBuiltins[i], kNumbers[i]);
}

TEST(Opcode, ClassesMeetExactlyAtTheirBounds) {
  for (const u32 system : {0u, 7u, 0xFFF0u, 0xFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
    EXPECT_TRUE(IsSystemOpcode(system)) << system;
    EXPECT_FALSE(IsUserOpcode(system)) << system;
  }
  for (const u32 user : {8u, 0xFFEFu, 0x10000u, 0x7FFFFFFFu}) {
    EXPECT_FALSE(IsSystemOpcode(user)) << user;
    EXPECT_TRUE(IsUserOpcode(user)) << user;
  }
}

TEST(Opcode, BuiltinsAndUserOpcodesArePublishableAndNothingElse) {
  for (const u32 builtin : kBuiltins) EXPECT_TRUE(IsPublishable(builtin)) << builtin;
  for (const u32 user : {8u, 0x100u, 0xFFEFu, 0x10000u, 0x7FFFFFFFu}) EXPECT_TRUE(IsPublishable(user)) << user;
  for (const u32 reserved : {0xFFF0u, 0xFFFCu, 0xFFFFu, 0x80000000u, 0x80000002u, 0xFFFFFFFEu}) {
    EXPECT_FALSE(IsPublishable(reserved)) << reserved;
  }
}

TEST(Opcode, DataOpcodesAreUserOpcodes) {
  for (u32 opcode = kFirstDataOpcode; opcode <= kLastDataOpcode; ++opcode) EXPECT_TRUE(IsUserOpcode(opcode)) << opcode;
  EXPECT_FALSE(IsDataOpcode(kFirstDataOpcode - 1));
  EXPECT_FALSE(IsDataOpcode(kLastDataOpcode + 1));
}

TEST(Opcode, OnlyOneByteOpcodesThatActAtOnceArePackable) {
  for (u32 opcode = 0; opcode < 0x200; ++opcode) EXPECT_EQ(IsPackable(opcode), opcode < 0x100 && opcode != kBatchFence) << opcode;
  for (const u32 wide : {kLoadMiss, kPrintf, kPackedSlot, kShutdown}) EXPECT_FALSE(IsPackable(wide)) << wide;
}

TEST(Opcode, EachBuiltinHasAPermissionBitAndACounterRowOfItsOwn) {
  std::set<u32> bits;
  std::set<u32> rows;
  for (const u32 builtin : kBuiltins) {
    bits.insert(PermissionBit(builtin));
    rows.insert(CounterRow(builtin));
    EXPECT_EQ(PermissionBit(builtin) & kPermitAllButShutdown, builtin == kShutdown ? 0 : PermissionBit(builtin)) << builtin;
  }
  EXPECT_EQ(bits.size(), std::size(kBuiltins));
  EXPECT_EQ(rows.size(), std::size(kBuiltins));
  EXPECT_FALSE(bits.contains(PermissionBit(kCrc32c)));
  EXPECT_FALSE(bits.contains(PermissionBit(8)));
  for (const u32 opcode : {8u, 0x100u, 0x10Bu, 0x10Cu, 0x1FFu, 0x10000u, ~0u}) EXPECT_LT(CounterRow(opcode), 32u) << opcode;
}

}  // namespace
}  // namespace penstock::layout
