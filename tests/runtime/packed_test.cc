// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/packed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "penstock/error.h"

namespace penstock {
namespace {

using layout::PackedInput;
using testing::HasSubstr;

TEST(EncodePacked, GivesAPayloadThatValidates) {
  const u32 store[] = {1, 2};
  const PackedInput ops[] = {{layout::kStoreU32, store, 2}, {layout::kNop, nullptr, 0}};
  const auto payload = EncodePacked(ops);
  ASSERT_TRUE(payload.ok()) << payload.status();
  EXPECT_EQ(layout::PackedSlot::Validate(payload->data(), layout::BuiltinArgumentCount), layout::PackedError::kNone);
}

TEST(EncodePacked, SaysWhyAListCannotBePacked) {
  const u32 words[12] = {};
  const std::vector<PackedInput> nops(24, PackedInput{layout::kNop, nullptr, 0});
  const PackedInput fence[] = {{layout::kBatchFence, words, 1}};
  const PackedInput too_long[] = {{layout::kNop, words, 12}};
  const struct {
    absl::Span<const PackedInput> ops;
    const char* text;
  } cases[] = {{{}, "op count is 0"}, {nops, "exceeds 23"}, {fence, "may not stand inside"}, {too_long, "past the end"}};
  for (const auto& [ops, text] : cases) {
    const absl::Status status = EncodePacked(ops).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_FALSE(RemedyOf(status).empty());
  }
}

}  // namespace
}  // namespace penstock
