// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/packed_slot.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace penstock::layout {
namespace {

constexpr u32 kPayloadBytes = 48;
using Bytes = std::array<u8, kPayloadBytes>;

// Opcodes 8 to 15 stand for an application's: opcode 8 + n reads n words.
constexpr u32 CountArguments(u32 opcode) {
  if (opcode <= kBatchFence) return BuiltinArgumentCount(opcode);
  return opcode < 16 ? opcode - 8 : kUnknownOpcodeArguments;
}

// Payload memory with an unreadable page on either side: a read outside the twelve words ends the test.
class GuardedPayload {
 public:
  GuardedPayload() : page_bytes_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    void* area = mmap(nullptr, 3 * page_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(area, MAP_FAILED);
    page_ = static_cast<u8*>(area) + page_bytes_;
    EXPECT_EQ(mprotect(page_, page_bytes_, PROT_READ | PROT_WRITE), 0);
  }
  GuardedPayload(const GuardedPayload&) = delete;
  GuardedPayload& operator=(const GuardedPayload&) = delete;
  ~GuardedPayload() { munmap(page_ - page_bytes_, 3 * page_bytes_); }

  const u32* AtStart(const Bytes& bytes) { return Place(page_, bytes); }
  const u32* AtEnd(const Bytes& bytes) { return Place(page_ + page_bytes_ - kPayloadBytes, bytes); }

 private:
  static const u32* Place(u8* at, const Bytes& bytes) {
    std::memcpy(at, bytes.data(), kPayloadBytes);
    return reinterpret_cast<const u32*>(at);
  }
  size_t page_bytes_;
  u8* page_;
};

// The format once more, written from its description and sharing nothing with the decoder.
struct ReferenceOp {
  u8 opcode;
  std::vector<u8> arguments;
};
bool ReferenceAccepts(const Bytes& bytes, std::vector<ReferenceOp>& ops) {
  const size_t n = bytes[0];
  const size_t total = bytes[1];
  if (n == 0) return false;
  size_t metadata_words = 0;
  while (metadata_words * 4 < 2 + 2 * n) ++metadata_words;
  if ((metadata_words + total) * 4 > bytes.size()) return false;
  for (size_t i = 0; i < n; ++i) {
    const u8 opcode = bytes[2 + 2 * i];
    const size_t offset = bytes[3 + 2 * i];
    if (opcode == 7 || opcode > 15) return false;  // a fence, or an opcode that CountArguments does not know
    const size_t needed = opcode < 8 ? std::array{0, 2, 2, 1, 3, 3, 3, 1}[opcode] : opcode - 8;
    if (offset + needed > total) return false;
    const auto first = bytes.begin() + static_cast<long>((metadata_words + offset) * 4);
    ops.push_back({opcode, {first, first + static_cast<long>(needed * 4)}});
  }
  return true;
}

void ExpectSameAsReference(GuardedPayload& guarded, const Bytes& bytes, u32& accepted) {
  std::vector<ReferenceOp> ops;
  const bool expected = ReferenceAccepts(bytes, ops);
  for (const u32* payload : {guarded.AtStart(bytes), guarded.AtEnd(bytes)}) {
    const bool valid = PackedSlot::Validate(payload, CountArguments) == PackedError::kNone;
    ASSERT_EQ(valid, expected) << testing::PrintToString(bytes);
    if (!valid) continue;
    ++accepted;
    ASSERT_EQ(PackedSlot::OpCount(payload), ops.size());
    for (u32 i = 0; i < ops.size(); ++i) {
      const PackedOp op = PackedSlot::Op(payload, i);
      ASSERT_EQ(op.opcode, ops[i].opcode);
      ASSERT_LE(op.first_word + op.argument_count, kArgumentCount);
      ASSERT_LE(ops[i].arguments.size(), op.argument_count * 4);
      const u8* argument = reinterpret_cast<const u8*>(payload + op.first_word);
      ASSERT_TRUE(std::equal(ops[i].arguments.begin(), ops[i].arguments.end(), argument));
    }
  }
}

Bytes RandomPayload(std::mt19937& random) {
  Bytes bytes;
  for (u8& byte : bytes) byte = static_cast<u8>(random());
  if (random() % 8 == 0) return bytes;  // pure noise; the others are shaped to come close to valid
  const u32 most_ops = random() % 2 == 0 ? 4 : 26;
  bytes[0] = static_cast<u8>(random() % most_ops);
  bytes[1] = static_cast<u8>(random() % 14);
  for (u32 i = 0; i < bytes[0] && 3 + 2 * i < kPayloadBytes; ++i) {
    bytes[2 + 2 * i] = static_cast<u8>(random() % (random() % 16 == 0 ? 256 : 14));
    bytes[3 + 2 * i] = static_cast<u8>(random() % (bytes[1] + 1u));
  }
  return bytes;
}

TEST(PackedSlot, AcceptsExactlyWhatTheReferenceAcceptsForEveryPayloadOfOneOp) {
  GuardedPayload guarded;
  u32 accepted = 0;
  for (u32 total = 0; total < 16; ++total) {
    for (u32 opcode = 0; opcode < 256; ++opcode) {
      for (u32 offset = 0; offset < 256; offset += offset < 14 ? 1 : 121) {
        Bytes bytes{};
        bytes[0] = 1;
        bytes[1] = static_cast<u8>(total);
        bytes[2] = static_cast<u8>(opcode);
        bytes[3] = static_cast<u8>(offset);
        ASSERT_NO_FATAL_FAILURE(ExpectSameAsReference(guarded, bytes, accepted));
      }
    }
  }
  EXPECT_GT(accepted, 100u);
}

TEST(PackedSlot, AcceptsExactlyWhatTheReferenceAcceptsForRandomPayloads) {
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  GuardedPayload guarded;
  u32 accepted = 0;
  constexpr u32 kRounds = 200'000;
  for (u32 round = 0; round < kRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(ExpectSameAsReference(guarded, RandomPayload(random), accepted));
  }
  EXPECT_GT(accepted, kRounds / 100) << "too few payloads are valid for the comparison to mean anything";
}

constexpr PackedError ErrorOf(std::array<u32, kArgumentCount> payload) {
  return PackedSlot::Validate(payload.data(), CountArguments);
}
// A read outside the array would not be a constant expression, so these also prove the bounds.
static_assert(ErrorOf({0x00000000}) == PackedError::kNoOps);
static_assert(ErrorOf({0x00000018}) == PackedError::kTooManyOps);
static_assert(ErrorOf({0xFFFFFFFF}) == PackedError::kTooManyOps);
static_assert(ErrorOf({0x00000C01}) == PackedError::kBadTotal);
static_assert(ErrorOf({0x00000B01}) == PackedError::kNone, "NOP with eleven words that it does not read");
static_assert(ErrorOf({0x00000017}) == PackedError::kNone, "23 NOPs fill all twelve words");
static_assert(ErrorOf({0x00000117}) == PackedError::kBadTotal);
static_assert(ErrorOf({0x00070101}) == PackedError::kNotPackable);
static_assert(ErrorOf({0x00FF0101}) == PackedError::kUnknownOpcode);
static_assert(ErrorOf({0x00010101}) == PackedError::kArgumentsOutOfRange);
static_assert(ErrorOf({0x01010201}) == PackedError::kArgumentsOutOfRange);
static_assert(ErrorOf({0xFF000201}) == PackedError::kArgumentsOutOfRange, "even an op without arguments points inside");
static_assert(ErrorOf({0x00010201}) == PackedError::kNone);

TEST(PackedSlot, AnArgumentCountNearTheUnknownMarkDoesNotWrap) {
  const u32 payload[kArgumentCount] = {0x01000B01};
  EXPECT_EQ(PackedSlot::Validate(payload, [](u32) { return ~0u - 1; }), PackedError::kArgumentsOutOfRange);
}

TEST(PackedSlot, EncodePlacesBytesAsTheProtocolSays) {
  const u32 store[] = {3, 0xDEADBEEF};
  const u32 load[] = {3};
  const PackedInput ops[] = {{kStoreU32, store, 2}, {kNop, nullptr, 0}, {kLoadU32, load, 1}};
  u32 payload[kArgumentCount];
  ASSERT_EQ(PackedSlot::Encode(ops, 3, payload), PackedError::kNone);
  const u8 metadata[] = {3, 3, 1, 0, 0, 2, 3, 2};
  EXPECT_EQ(std::memcmp(payload, metadata, sizeof(metadata)), 0);
  const u32 arguments[] = {3, 0xDEADBEEF, 3, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(std::memcmp(payload + 2, arguments, sizeof(arguments)), 0);
  EXPECT_EQ(PackedSlot::Validate(payload, CountArguments), PackedError::kNone);
}

TEST(PackedSlot, EveryListThatFitsRoundTrips) {
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (u32 round = 0; round < 20'000; ++round) {
    u32 words[kArgumentCount];
    for (u32& word : words) word = static_cast<u32>(random());
    std::vector<PackedInput> ops(1 + random() % 5);
    for (PackedInput& op : ops) {
      op.opcode = static_cast<u32>(random() % 7);
      op.argument_count = BuiltinArgumentCount(op.opcode);
      op.argument = words + random() % (kArgumentCount - 3);
    }
    u32 payload[kArgumentCount];
    if (PackedSlot::Encode(ops.data(), static_cast<u32>(ops.size()), payload) != PackedError::kNone) continue;
    ASSERT_EQ(PackedSlot::Validate(payload, CountArguments), PackedError::kNone);
    ASSERT_EQ(PackedSlot::OpCount(payload), ops.size());
    for (u32 i = 0; i < ops.size(); ++i) {
      const PackedOp op = PackedSlot::Op(payload, i);
      ASSERT_EQ(op.opcode, ops[i].opcode);
      ASSERT_EQ(std::memcmp(payload + op.first_word, ops[i].argument, ops[i].argument_count * sizeof(u32)), 0);
    }
  }
}

TEST(PackedSlot, EncodeRefusesWhatDoesNotFitAndLeavesThePayloadAlone) {
  const u32 words[kArgumentCount] = {};
  std::vector<PackedInput> nops(24, PackedInput{kNop, nullptr, 0});
  const PackedInput full[] = {{kNop, words, 11}};
  const PackedInput too_long[] = {{kNop, words, 12}};
  const PackedInput endless[] = {{kNop, words, 1}, {kNop, words, ~0u}};
  const PackedInput fence[] = {{kBatchFence, words, 1}};
  const PackedInput wide[] = {{kCrc32c, words, 4}};
  u32 payload[kArgumentCount] = {0x5A5A5A5A};
  EXPECT_EQ(PackedSlot::Encode(full, 0, payload), PackedError::kNoOps);
  EXPECT_EQ(PackedSlot::Encode(nops.data(), 24, payload), PackedError::kTooManyOps);
  EXPECT_EQ(PackedSlot::Encode(too_long, 1, payload), PackedError::kBadTotal);
  EXPECT_EQ(PackedSlot::Encode(endless, 2, payload), PackedError::kBadTotal);
  EXPECT_EQ(PackedSlot::Encode(fence, 1, payload), PackedError::kNotPackable);
  EXPECT_EQ(PackedSlot::Encode(wide, 1, payload), PackedError::kNotPackable);
  EXPECT_EQ(payload[0], 0x5A5A5A5Au);
  EXPECT_EQ(PackedSlot::Encode(nops.data(), 23, payload), PackedError::kNone);
  EXPECT_EQ(PackedSlot::Encode(full, 1, payload), PackedError::kNone);
}

TEST(PackedSlot, EveryErrorHasATextOfItsOwn) {
  const std::string unknown = PackedErrorText(static_cast<PackedError>(1000));
  for (u32 i = 0; i <= static_cast<u32>(PackedError::kArgumentsOutOfRange); ++i) {
    EXPECT_NE(PackedErrorText(static_cast<PackedError>(i)), unknown) << i;
  }
}

}  // namespace
}  // namespace penstock::layout
