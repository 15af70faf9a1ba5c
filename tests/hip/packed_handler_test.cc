// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PACKED_SLOT as the device runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "penstock/error.h"
#include "tests/hip/packed_work.h"
#if !defined(__CUDACC__) && !defined(__HIP__)
#include "tests/hip/bare_interpreter.h"
#endif

namespace penstock {
namespace {

using device::Context;
using device::Outcome;
using layout::FaultReason;
using layout::HighWord;
using layout::LowWord;
using layout::PackedError;

constexpr u32 kWords = 4;
constexpr u32 kSeed = 20261121;

// Tells its three arguments apart.
struct Digits {
  static constexpr u32 kOpcode = 0x20;
  static constexpr u32 kArgumentCount = 3;
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    return Outcome::Done(context.argument[0] + 100 * context.argument[1] + 10000 * context.argument[2]);
  }
};
// The leader's outcome is the one that counts; the other lanes know nothing of it.
struct OnlyLeaderFaults {
  static constexpr u32 kOpcode = 0x21;
  static constexpr u32 kArgumentCount = 0;
  PENSTOCK_DEVICE static Outcome Run(const Context& context) {
    return context.group.IsLeader() ? Outcome::Fault(FaultReason::kHandlerFault, 77) : Outcome::Done();
  }
};
struct Yields {
  static constexpr u32 kOpcode = 0x22;
  static constexpr u32 kArgumentCount = 0;
  PENSTOCK_DEVICE static Outcome Run(const Context&) { return Outcome::Yield(); }
};
using TestProgram = device::Program<Digits, OnlyLeaderFaults, Yields>;

class PackedHandler : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    TestOptions options = OptionsFor(GetParam());
    options.user_words = kWords;
    device_ = MakeDevice<TestProgram>(options);
    ASSERT_TRUE(device_->Start().ok());
  }
  Completion Run(const std::vector<Op>& ops) { return RunWork(*device_, PackedWork(ops)); }
  u32 Load(u32 index) { return static_cast<u32>(ResultOf(RunWork(*device_, MakeWork(layout::kLoadU32, {index})))); }

  std::unique_ptr<Device> device_;
};
INSTANTIATE_TEST_SUITE_P(Shapes, PackedHandler, AllShapes(), ShapeName);

TEST_P(PackedHandler, RunsEachOpWithItsOwnArguments) {
  const u64 result = ResultOf(Run({{Digits::kOpcode, {1, 2, 3}}, {layout::kNop, {}}, {Digits::kOpcode, {7, 8, 9}}}));
  EXPECT_EQ(LowWord(result), 3u);
  EXPECT_EQ(HighWord(result), 90807u);
}

TEST_P(PackedHandler, RunsItsOpsInOrder) {
  const u64 result = ResultOf(Run({{layout::kStoreU32, {2, 40}}, {layout::kAtomicAdd, {2, 2}}, {layout::kLoadU32, {2}}}));
  EXPECT_EQ(LowWord(result), 3u);
  EXPECT_EQ(HighWord(result), 42u);
}

TEST_P(PackedHandler, RunsAsManyOpsAsFit) {
  EXPECT_EQ(LowWord(ResultOf(Run(std::vector<Op>(layout::PackedSlot::kMaxOps, Op{layout::kNop, {}})))),
            layout::PackedSlot::kMaxOps);
}

// What the ops of one slot do to the words, one after the other.
u32 ApplyToModel(const Op& op, std::array<u32, kWords>& words) {
  u32& word = words[op.arguments[0]];
  const u32 previous = word;
  if (op.opcode == layout::kStoreU32) word = op.arguments[1];
  if (op.opcode == layout::kAtomicAdd) word += op.arguments[1];
  if (op.opcode == layout::kCompareSwap && word == op.arguments[1]) word = op.arguments[2];
  return op.opcode == layout::kStoreU32 ? 0 : previous;
}

TEST_P(PackedHandler, AgreesWithASequentialModelOnRandomOps) {
  std::mt19937 random(kSeed);
  const auto below = [&](u32 limit) { return static_cast<u32>(random() % limit); };
  std::array<u32, kWords> words = {};
  for (u32 round = 0; round < 200; ++round) {
    std::vector<Op> ops(1 + below(3));
    u32 last = 0;
    for (Op& op : ops) {
      op = {std::array{layout::kStoreU32, layout::kAtomicAdd, layout::kLoadU32, layout::kCompareSwap}[below(4)], {below(kWords)}};
      while (op.arguments.size() < layout::BuiltinArgumentCount(op.opcode)) op.arguments.push_back(below(3));
      last = ApplyToModel(op, words);
    }
    ASSERT_EQ(ResultOf(Run(ops)), layout::JoinWords(static_cast<u32>(ops.size()), last))
        << "seed " << kSeed << " round " << round;
  }
  for (u32 i = 0; i < kWords; ++i) EXPECT_EQ(Load(i), words[i]);
}

TEST_P(PackedHandler, StopsAtTheFirstOpThatFaultsAndNamesIt) {
  ExpectFault(Run({{layout::kStoreU32, {0, 5}}, {layout::kStoreU32, {kWords, 6}}, {layout::kStoreU32, {1, 7}}}),
              FaultReason::kOutOfRange, 1);
  EXPECT_EQ(Load(0), 5u);
  EXPECT_EQ(Load(1), 0u);
}

TEST_P(PackedHandler, EveryLaneFollowsTheLeadersOutcome) {
  for (u32 round = 0; round < 20; ++round) {
    ExpectFault(Run({{layout::kNop, {}}, {OnlyLeaderFaults::kOpcode, {}}, {layout::kStoreU32, {0, 1}}}),
                FaultReason::kHandlerFault, 1);
    EXPECT_EQ(LowWord(ResultOf(Run({{layout::kNop, {}}, {layout::kNop, {}}}))), 2u);
  }
  EXPECT_EQ(Load(0), 0u);
}

TEST_P(PackedHandler, FaultsIfAnInnerOpWantsToWait) {
  ExpectFault(Run({{layout::kNop, {}}, {Yields::kOpcode, {}}}), FaultReason::kNotAtOnce, 1);
}

TEST_P(PackedHandler, GivesATenantNoMoreThanItsInnerOpsMay) {
  const u32 packed_and_load = layout::PermissionBit(layout::kPackedSlot) | layout::PermissionBit(layout::kLoadU32);
  ASSERT_TRUE(device_->SetTenant({3, packed_and_load, 0}).ok());
  Work work = PackedWork({{layout::kLoadU32, {0}}, {layout::kStoreU32, {0, 9}}});
  work.tenant = 3;
  ExpectFault(RunWork(*device_, work), FaultReason::kTenantDenied, layout::kStoreU32);
  EXPECT_EQ(Load(0), 0u);
  work = PackedWork({{layout::kLoadU32, {0}}, {layout::kLoadU32, {1}}});
  work.tenant = 3;
  EXPECT_TRUE(RunWork(*device_, work).ok());
}

struct BadPayload {
  std::array<u32, 12> payload;
  PackedError error;
};
const BadPayload kBadPayloads[] = {
    {{0}, PackedError::kNoOps},
    {{24}, PackedError::kTooManyOps},
    {{0xFF}, PackedError::kTooManyOps},
    {{1 | 12 << 8}, PackedError::kBadTotal},
    {{1 | layout::kBatchFence << 16}, PackedError::kNotPackable},
    {{1 | 0x30u << 16}, PackedError::kUnknownOpcode},
    {{1 | 1 << 8 | layout::kStoreU32 << 16}, PackedError::kArgumentsOutOfRange},
    {{1 | 2 << 8 | layout::kStoreU32 << 16 | 1u << 24}, PackedError::kArgumentsOutOfRange},
};

TEST(PackedPayload, IsRefusedByTheHostWithNothingPublished) {
  const auto device = MakeDevice<TestProgram>();
  for (const auto& [payload, error] : kBadPayloads) {
    Work work = MakeWork(layout::kPackedSlot);
    work.argument = payload;
    const absl::Status status = device->ring().Publish(work).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(CauseOf(status), testing::HasSubstr(layout::PackedErrorText(error)));
  }
  EXPECT_EQ(device->ring().in_flight(), 0u);
}

#if !defined(__CUDACC__) && !defined(__HIP__)
TEST(PackedPayload, IsRefusedByTheDeviceForTheSameReason) {
  BareInterpreter<TestProgram> interpreter;  // its ring validates nothing
  for (const auto& [payload, error] : kBadPayloads) {
    Work work = MakeWork(layout::kPackedSlot);
    work.argument = payload;
    ExpectFault(interpreter.Run(work), FaultReason::kBadPackedSlot, static_cast<u32>(error));
  }
}
#endif

}  // namespace
}  // namespace penstock
