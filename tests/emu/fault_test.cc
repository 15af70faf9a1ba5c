// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the gfx1100 code refuses, and how it says so.
#include <gtest/gtest.h>

#include "penstock/automaton.h"
#include "tests/emu/twins.h"

namespace penstock {
namespace {

using layout::FaultReason;
using EmulatedFaults = Twins;

Work CopyWork(const layout::Range& range, const layout::Destination& destination) {
  Work work = RangeWork(layout::kCopy, range);
  layout::EncodeDestination(destination, work.argument.data());
  return work;
}

TEST_F(EmulatedFaults, OpcodesThatNobodyHandles) {
  Publish({MakeWork(0x20), MakeWork(0x7FFFFFFF), MakeWork(layout::kLoadMiss)});
  const auto done = RunSame();
  ExpectFault(done[0], FaultReason::kUnknownOpcode, 0x20);
  EXPECT_EQ(done[2].fault, FaultReason::kNotConnected);
}

TEST_F(EmulatedFaults, WordsOutOfTheWindow) {
  Publish({MakeWork(layout::kStoreU32, {kUserWords, 1}), MakeWork(layout::kLoadU32, {~0u}),
           MakeWork(layout::kAtomicAdd, {kUserWords, 1}), MakeWork(layout::kCompareSwap, {1u << 31, 0, 1}),
           MakeWork(layout::kMemcpy, {kUserWords - 1, 0, 2}), MakeWork(layout::kMemcpy, {0, kUserWords - 1, 2}),
           MakeWork(layout::kMemcpy, {0, 1, ~0u})});
  for (const Completion& completion : RunSame()) EXPECT_EQ(completion.fault, FaultReason::kOutOfRange);
}

TEST_F(EmulatedFaults, BuffersThatAreNotThereOrNotEnough) {
  const u32 readable = Register(RandomBytes(100), layout::kBufferRead);
  const u32 writable = Register(RandomBytes(100), layout::kBufferWrite);
  const u32 other_generation = layout::MakeHandle(0, 2);
  Publish({RangeWork(layout::kCrc32c, {~0u, 0, 1}), RangeWork(layout::kCrc32c, {layout::MakeHandle(7, 1), 0, 1}),
           RangeWork(layout::kCrc32c, {other_generation, 0, 1}), RangeWork(layout::kCrc32c, {writable, 0, 1}),
           RangeWork(layout::kCrc32c, {readable, 100, 1}), RangeWork(layout::kCrc32c, {readable, 1, 100}),
           RangeWork(layout::kCrc32c, {readable, u64{1} << 40, 1}), CopyWork({readable, 0, 10}, {readable, 0}),
           CopyWork({readable, 0, 10}, {writable, 91})});
  const auto done = RunSame();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(done[i].fault, FaultReason::kBadHandle) << i;
  EXPECT_EQ(done[3].fault, FaultReason::kAccessDenied);
  for (size_t i = 4; i < 7; ++i) EXPECT_EQ(done[i].fault, FaultReason::kOutOfRange) << i;
}

TEST_F(EmulatedFaults, ArgumentsWithoutMeaning) {
  const u32 buffer = Register(RandomBytes(2000));
  const u32 automaton = RegisterAutomaton(*BuildAutomaton({"ab"}));
  Work histogram = RangeWork(layout::kHistogram, {buffer, 0, 10});
  layout::EncodeDestination({buffer, 6}, histogram.argument.data());
  Work fill = RangeWork(layout::kFill, {buffer, 0, 10});
  layout::EncodePattern({buffer, 0, 0}, fill.argument.data());
  Work verify = RangeWork(layout::kVerify, {buffer, 0, 10});
  layout::EncodePattern({buffer, 4, 4}, verify.argument.data());
  Work match = RangeWork(layout::kMatch, {buffer, 0, 10});
  layout::EncodeMatch({buffer, 0, layout::MatchMode::kScan}, match.argument.data());
  Publish({histogram, fill, verify, match, CopyWork({buffer, 0, 100}, {buffer, 50}),
           MakeWork(layout::kDfaStep, {automaton, 99, 1}), MakeWork(layout::kDfaStep, {automaton, 0, 256}),
           MakeWork(layout::kDfaStep, {buffer, 0, 1})});
  for (const Completion& completion : RunSame()) EXPECT_FALSE(completion.ok());
}

TEST_F(EmulatedFaults, TenantsWithoutRights) {
  SetTenant({1, layout::PermissionBit(layout::kNop), 2});
  const auto of = [](u32 tenant, u32 opcode) {
    Work work = MakeWork(opcode);
    work.tenant = tenant;
    return work;
  };
  Publish({of(1, layout::kNop), of(1, layout::kPrintf), of(2, layout::kNop), of(layout::kTenantCount, layout::kNop),
           of(~0u, layout::kNop), of(1, layout::kNop), of(1, layout::kNop), of(0, layout::kShutdown)});
  const auto done = RunSame();
  EXPECT_TRUE(done[0].ok());
  ExpectFault(done[1], FaultReason::kTenantDenied, layout::kPrintf);
  EXPECT_EQ(done[3].fault, FaultReason::kTenantUnknown);
  EXPECT_EQ(done[6].fault, FaultReason::kTenantOverQuota);
  EXPECT_EQ(done[7].fault, FaultReason::kTenantDenied);
}

}  // namespace
}  // namespace penstock
