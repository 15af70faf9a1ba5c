// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/buffer_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "driver/page_allocator.h"
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

TEST(BufferPool, LiesOnThePagesThatAreAskedFor) {
  const BufferPool small = BufferPool::Create({.buffer_bytes = 1 << 20, .buffer_count = 4, .huge_pages = false}).value();
  EXPECT_EQ(small.pages(), BufferPool::Pages::kSmall);
  const absl::StatusOr<BufferPool> huge = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1, .huge_pages = true});
  if (huge.ok()) {
    EXPECT_EQ(huge->pages(), BufferPool::Pages::kExplicitHuge);
  } else {
    EXPECT_EQ(huge.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(RemedyOf(huge.status()), HasSubstr("vm.nr_hugepages"));
  }
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

/// Memory of a device, as long as somebody has a copy of it.
DeviceMemory SomeDeviceMemory(size_t bytes) {
  auto owner = std::make_shared<BufferPool>(BufferPool::Create({.buffer_bytes = bytes, .buffer_count = 1}).value());
  return {.memory = owner->memory(), .name = "window 1 of a test", .owner = owner};
}

constexpr size_t kMiB = 1 << 20;

TEST(PoolsIn, LieBesideOneAnotherAndGiveTheirPlaceBack) {
  const DeviceMemory memory = SomeDeviceMemory(4 * kMiB);
  const BufferPoolMaker make_pool = PoolsIn(memory);
  BufferPool run = make_pool({.buffer_bytes = kMiB, .buffer_count = 2}).value();
  const BufferPool probe = make_pool({.buffer_bytes = 64 << 10, .buffer_count = 1}).value();
  EXPECT_TRUE(run.is_device_memory() && probe.is_device_memory());
  EXPECT_EQ(run.memory().data(), memory.memory.data());
  EXPECT_EQ(probe.memory().data(), memory.memory.data() + 2 * kMiB);
  run = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
  EXPECT_EQ(make_pool({.buffer_bytes = kMiB, .buffer_count = 2})->memory().data(), memory.memory.data());
}

TEST(PoolsIn, LieAsFarIntoTheDevicesMemoryAsIntoTheMapping) {
  DeviceMemory memory = SomeDeviceMemory(4 * kMiB);
  EXPECT_EQ(PoolsIn(memory)({.buffer_bytes = kMiB, .buffer_count = 2})->device_address(), std::nullopt);
  memory.device_address = 0x5000'0000;
  const BufferPoolMaker make_pool = PoolsIn(memory);
  const BufferPool run = make_pool({.buffer_bytes = kMiB, .buffer_count = 2}).value();
  const BufferPool probe = make_pool({.buffer_bytes = 4096, .buffer_count = 1}).value();
  EXPECT_EQ(run.device_address(), 0x5000'0000u);
  EXPECT_EQ(probe.device_address(), 0x5000'0000u + 2 * kMiB);
}

TEST(PoolsIn, HaveAsManyBuffersAsFitAndLeaveRoomToProbe) {
  const BufferPoolMaker make_pool = PoolsIn(SomeDeviceMemory(4 * kMiB));
  const BufferPool run = make_pool({.buffer_bytes = kMiB, .buffer_count = 64}).value();
  EXPECT_EQ(run.buffer_count(), 3u);
  EXPECT_TRUE(make_pool({.buffer_bytes = 64 << 10, .buffer_count = 1}).ok());
  EXPECT_EQ(PoolsIn(SomeDeviceMemory(kMiB))({.buffer_bytes = kMiB, .buffer_count = 64})->buffer_count(), 1u);
}

TEST(PoolsIn, SayHowMuchThereIsWhenItIsNotEnough) {
  const BufferPoolMaker make_pool = PoolsIn(SomeDeviceMemory(kMiB));
  const absl::Status status = make_pool({.buffer_bytes = 2 * kMiB, .buffer_count = 1}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(CauseOf(status), HasSubstr("no 2097152 bytes in a row are free of the 1048576 of window 1 of a test"));
  EXPECT_THAT(RemedyOf(status), HasSubstr("a smaller depth, shorter reads"));
  EXPECT_EQ(make_pool({.buffer_bytes = 1, .buffer_count = 1}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(PoolsIn, KeepTheMemoryMappedUntilTheLastPoolIsGone) {
  DeviceMemory memory = SomeDeviceMemory(kMiB);
  const std::weak_ptr<void> owner = memory.owner;
  std::optional<BufferPool> pool;
  {
    const BufferPoolMaker make_pool = PoolsIn(std::exchange(memory, {}));
    pool = make_pool({.buffer_bytes = 4096, .buffer_count = 1}).value();
  }
  EXPECT_FALSE(owner.expired());
  pool.reset();
  EXPECT_TRUE(owner.expired());
}

TEST(PageAllocator, JoinsWhatIsReturned) {
  driver::PageAllocator pages(10 * 4096 + 1);
  EXPECT_EQ(pages.LargestFreeBytes(), 10 * 4096u);
  const uint64_t a = pages.Take(1).value(), b = pages.Take(2 * 4096).value(), c = pages.Take(4097).value();
  EXPECT_EQ(std::vector<uint64_t>({a, b, c}), std::vector<uint64_t>({0, 4096, 3 * 4096}));
  EXPECT_EQ(pages.LargestFreeBytes(), 5 * 4096u);
  EXPECT_EQ(pages.Take(5 * 4096 + 1), std::nullopt);
  pages.Return(a);
  pages.Return(c);
  EXPECT_EQ(pages.LargestFreeBytes(), 7 * 4096u);
  EXPECT_EQ(pages.Take(4096), a) << "the first place where it fits";
  pages.Return(a);
  pages.Return(b);
  EXPECT_EQ(pages.Take(10 * 4096), 0u);
  EXPECT_EQ(pages.LargestFreeBytes(), 0u);
}

TEST(PageAllocator, NeverGivesAPageTwice) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  constexpr size_t kPages = 64;
  driver::PageAllocator pages(kPages * 4096);
  std::vector<bool> in_use(kPages);
  std::vector<std::pair<uint64_t, uint64_t>> taken;
  for (int round = 0; round < 5000; ++round) {
    if (random() % 2 == 0 && !taken.empty()) {
      std::swap(taken[random() % taken.size()], taken.back());
      const auto [offset, count] = taken.back();
      taken.pop_back();
      for (uint64_t page = 0; page < count; ++page) in_use[offset / 4096 + page] = false;
      pages.Return(offset);
    } else if (const uint64_t count = 1 + random() % 8; const auto offset = pages.Take(count * 4096)) {
      for (uint64_t page = 0; page < count; ++page) {
        ASSERT_FALSE(in_use[*offset / 4096 + page]);
        in_use[*offset / 4096 + page] = true;
      }
      taken.emplace_back(*offset, count);
    }
  }
  for (const auto& [offset, count] : taken) pages.Return(offset);
  EXPECT_EQ(pages.LargestFreeBytes(), kPages * 4096);
}

}  // namespace
}  // namespace penstock
