// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/io_slot.h"

#include <gtest/gtest.h>

#include <cstring>

#include "penstock/layout/slot.h"

namespace penstock::layout {
namespace {

TEST(IoSlot, NumbersAreFixed) {
  EXPECT_EQ(kIoRead, 1u);
  EXPECT_EQ(kIoWrite, 2u);
  EXPECT_EQ(kIoFence, 3u);
  EXPECT_EQ(kIoOk, 0x10u);
  EXPECT_EQ(kIoError, 0x11u);
  EXPECT_EQ(kMaxIoSlots, 64u);
  EXPECT_EQ(sizeof(IoSlot), 32u);
}

TEST(IoSlot, WordsStandInTheOrderOfTheProtocol) {
  IoSlot slot{};
  slot.status = kPublished;
  EncodeIoRequest({.op_type = kIoRead,
                   .source_handle = 2,
                   .destination_handle = 3,
                   .offset_bytes = 0x1122334455667788u,
                   .byte_count = 4096,
                   .tag = 9},
                  slot);
  u32 word[kIoSlotWords];
  std::memcpy(word, &slot, sizeof(word));
  const u32 expected[kIoSlotWords] = {1, 2, 3, 0x55667788u, 0x11223344u, 4096, kPublished, 9};
  for (u32 i = 0; i < kIoSlotWords; ++i) EXPECT_EQ(word[i], expected[i]) << i;
}

TEST(IoSlot, RoundTripsWith64BitOffsetsAndLeavesTheStatusAlone) {
  for (const u64 offset_bytes : {u64{0}, u64{0xFFFFFFFF}, u64{1} << 32, ~u64{0}}) {
    IoSlot slot{};
    slot.status = 0xABCD;
    EncodeIoRequest({kIoWrite, 7, 8, offset_bytes, ~0u, 0xFEEDu}, slot);
    const IoRequest request = DecodeIoRequest(slot);
    EXPECT_EQ(slot.status, 0xABCDu);
    EXPECT_EQ(request.op_type, kIoWrite);
    EXPECT_EQ(request.source_handle, 7u);
    EXPECT_EQ(request.destination_handle, 8u);
    EXPECT_EQ(request.offset_bytes, offset_bytes);
    EXPECT_EQ(request.byte_count, ~0u);
    EXPECT_EQ(request.tag, 0xFEEDu);
  }
}

TEST(IoSlot, NoNumberIsBothARequestAndAnAnnouncement) {
  for (const u32 op_type : {kIoRead, kIoWrite, kIoFence}) {
    EXPECT_TRUE(IsIoRequest(op_type));
    EXPECT_FALSE(IsIoAnnouncement(op_type));
  }
  EXPECT_TRUE(IsIoAnnouncement(kIoAnnounce));
  for (const u32 op_type : {0u, 4u, kIoAnnounce, ~0u}) EXPECT_FALSE(IsIoRequest(op_type)) << op_type;
  for (const u32 op_type : {0u, 4u, 0x80000000u, ~0u}) EXPECT_FALSE(IsIoAnnouncement(op_type)) << op_type;
}

}  // namespace
}  // namespace penstock::layout
