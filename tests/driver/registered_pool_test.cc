// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/registered_pool.h"

#include <gtest/gtest.h>

namespace penstock::driver {
namespace {

constexpr size_t kKiB = 1024;

/// No command is cut for the sake of a region alone.
TEST(CommandRegionBytes, AreWholeBuffersOrEqualPartsOfOne) {
  EXPECT_EQ(CommandRegionBytes({4 * kKiB, 64}), 256 * kKiB);
  EXPECT_EQ(CommandRegionBytes({64 * kKiB, 64}), 256 * kKiB);
  EXPECT_EQ(CommandRegionBytes({96 * kKiB, 64}), 192 * kKiB);
  EXPECT_EQ(CommandRegionBytes({256 * kKiB, 64}), 256 * kKiB);
  EXPECT_EQ(CommandRegionBytes({384 * kKiB, 64}), 192 * kKiB);
  EXPECT_EQ(CommandRegionBytes({1024 * kKiB, 64}), 256 * kKiB);
  EXPECT_EQ(CommandRegionBytes({1536 * kKiB, 64}), 256 * kKiB);
}

TEST(CommandRegionBytes, AreWholePages) {
  EXPECT_EQ(CommandRegionBytes({260 * kKiB, 1}), 132 * kKiB);  // half of it would be 130
  EXPECT_EQ(CommandRegionBytes({4 * kKiB, 16384 * 64 + 1}), 260 * kKiB);
}

/// The kernel takes 16384 of them.
TEST(CommandRegionBytes, GrowWithThePool) {
  const size_t gib = size_t{1} << 30;
  EXPECT_EQ(CommandRegionBytes({1024 * kKiB, 4096}), 256 * kKiB);  // 4 GiB
  EXPECT_EQ(CommandRegionBytes({1024 * kKiB, 64 * 1024}), 64 * gib / 16384);
}

TEST(RegisteredPool, KnowsTheRegionAroundAnAddressAndWhatIsLeftOfIt) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 512 * kKiB, .buffer_count = 2}).value();
  const auto uring = Uring::Open({.entries = 4});
  if (!uring.ok()) GTEST_SKIP() << uring.status();
  const auto registered = RegisteredPool::RegisterForCommands(**uring, pool);
  if (registered.status().code() == absl::StatusCode::kResourceExhausted) GTEST_SKIP() << registered.status();
  ASSERT_TRUE(registered.ok()) << registered.status();
  const std::byte* const base = pool.memory().data();
  EXPECT_EQ(registered->IndexOf(base), 0);
  EXPECT_EQ(registered->BytesLeft(base), 256 * kKiB);
  EXPECT_EQ(registered->IndexOf(base + 256 * kKiB - 1), 0);
  EXPECT_EQ(registered->BytesLeft(base + 256 * kKiB - 1), 1u);
  EXPECT_EQ(registered->IndexOf(pool.buffer(1).data()), 2);
}

}  // namespace
}  // namespace penstock::driver
