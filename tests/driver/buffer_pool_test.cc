// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/buffer_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "penstock/error.h"

namespace penstock {
namespace {

using ::testing::HasSubstr;

TEST(BufferPool, CutsOneMappingIntoEqualBuffers) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 8192, .buffer_count = 5}).value();
  EXPECT_EQ(pool.memory().size(), 5 * 8192);
  for (uint32_t i = 0; i < pool.buffer_count(); ++i) {
    EXPECT_EQ(pool.buffer(i).data(), pool.memory().data() + i * 8192);
    EXPECT_EQ(pool.buffer(i).size(), 8192);
  }
}

TEST(BufferPool, IsPageAlignedAndZeroed) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 3}).value();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pool.memory().data()) % BufferPool::kAlignment, 0);
  EXPECT_TRUE(std::all_of(pool.memory().begin(), pool.memory().end(), [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST(BufferPool, StartsALargePoolOnAHugePage) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 1 << 20, .buffer_count = 3}).value();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pool.memory().data()) % (2 << 20), 0);
  EXPECT_EQ(pool.memory().size(), 3 << 20);
}

TEST(BufferPool, IsFaultedIn) {
  const BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1000}).value();
  std::vector<unsigned char> resident(1000);
  ASSERT_EQ(mincore(pool.memory().data(), pool.memory().size(), resident.data()), 0);
  EXPECT_TRUE(std::all_of(resident.begin(), resident.end(), [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(BufferPool, HandsItsMemoryOnWhenMoved) {
  BufferPool pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 2}).value();
  std::byte* const base = pool.memory().data();
  BufferPool moved = std::move(pool);
  EXPECT_EQ(moved.memory().data(), base);
  moved = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
  EXPECT_EQ(moved.buffer_count(), 1);
}

TEST(BufferPool, RefusesSizesThatAreNoWholePages) {
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{4095}, size_t{4097}}) {
    const absl::Status status = BufferPool::Create({.buffer_bytes = bytes, .buffer_count = 1}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(RemedyOf(status), HasSubstr("multiple of 4096"));
  }
  EXPECT_EQ(BufferPool::Create({.buffer_bytes = 4096}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BufferPool, SaysWhenThereIsNotEnoughMemory) {
  const size_t most = std::numeric_limits<size_t>::max() / 4096 * 4096;
  for (const size_t bytes : {size_t{1} << 45, most}) {  // Too much for a process; and more than can be counted.
    const absl::Status status = BufferPool::Create({.buffer_bytes = bytes, .buffer_count = 1000}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(RemedyOf(status), HasSubstr("smaller buffers"));
  }
}

}  // namespace
}  // namespace penstock
