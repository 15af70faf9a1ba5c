// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/slot.h"

#include <gtest/gtest.h>

#include <string>

#include "penstock/layout/doorbell.h"
#include "penstock/layout/fault.h"

namespace penstock::layout {
namespace {

TEST(Slot, WordsAndStatusesHaveTheirFixedNumbers) {
  EXPECT_EQ(sizeof(Slot), 64u);
  EXPECT_EQ(alignof(Slot), 64u);
  const u32 words[] = {kStatusWord, kOpcodeWord, kTenantWord, kPriorityWord, kArgumentWord};
  for (u32 i = 0; i < std::size(words); ++i) EXPECT_EQ(words[i], i);
  EXPECT_EQ(kArgumentWord + kArgumentCount, kSlotWords);
  EXPECT_EQ(kResultLowWord, 14u);
  EXPECT_EQ(kResultHighWord, 15u);
  const u32 statuses[] = {kEmpty, kPublished, kClaimed, kDone, kWaitIo, kYield, kRequeue, kFault};
  for (u32 i = 0; i < std::size(statuses); ++i) EXPECT_EQ(statuses[i], i);
  EXPECT_EQ(static_cast<u32>(Priority::kCritical), 0u);
  EXPECT_EQ(static_cast<u32>(Priority::kNormal), 2u);
  EXPECT_EQ(static_cast<u32>(Priority::kIdle), 4u);
}

// One row an edge, one column a status: E P C D W Y R F.
TEST(Slot, ExactlyTheLegalEdgesAreLegal) {
  struct Row {
    Edge edge;
    const char* legal;
  };
  constexpr Row kRows[] = {
      {Edge::kPublish, "x..x...."}, {Edge::kClaim, ".x...xx."},       {Edge::kDone, "..x....."},
      {Edge::kFault, ".xx.xxx."},   {Edge::kAcknowledge, ".......x"}, {Edge::kCancel, ".x..xxx."},
      {Edge::kWaitIo, "..x....."},  {Edge::kYield, "..x....."},       {Edge::kRequeue, "..x....."},
  };
  for (const Row& row : kRows) {
    for (u32 status = 0; status <= kFault; ++status) {
      EXPECT_EQ(IsLegalEdge(row.edge, status), row.legal[status] == 'x')
          << "edge " << static_cast<int>(row.edge) << " from " << StatusName(status);
    }
    for (const u32 status : {8u, 0x10u, 0x11u, 0x80000001u, ~0u}) EXPECT_FALSE(IsLegalEdge(row.edge, status)) << status;
  }
}

TEST(Slot, StatusNameIsAQuestionMarkForANumberThatIsNone) {
  EXPECT_STREQ(StatusName(kEmpty), "EMPTY");
  EXPECT_STREQ(StatusName(kFault), "FAULT");
  EXPECT_STREQ(StatusName(8), "?");
  EXPECT_STREQ(StatusName(~0u), "?");
}

TEST(Fault, EveryReasonHasATextOfItsOwn) {
  const std::string unknown = FaultText(static_cast<FaultReason>(1000));
  for (u32 i = 0; i <= static_cast<u32>(FaultReason::kHandlerFault); ++i) {
    EXPECT_NE(FaultText(static_cast<FaultReason>(i)), unknown) << i;
  }
}

TEST(Doorbell, OneLineHoldsBellsAndShutdown) {
  EXPECT_EQ(sizeof(Doorbell), kLineBytes);
  EXPECT_EQ(offsetof(Doorbell, bell), 0u);
  EXPECT_EQ(offsetof(Doorbell, shutdown), 40u);
  EXPECT_EQ(BellTail(MakeBell(7, 9)), 7u);
  EXPECT_EQ(BellEpoch(MakeBell(7, 9)), 9u);
}

}  // namespace
}  // namespace penstock::layout
