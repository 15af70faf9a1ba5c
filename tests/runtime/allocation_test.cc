// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A binary of its own: it counts every allocation of the process.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/hip/cpu_session.h"

namespace {

std::atomic<unsigned long> g_allocations = 0;

void* Allocate(std::size_t bytes, std::size_t alignment) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) { return Allocate(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return Allocate(bytes, static_cast<std::size_t>(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace penstock {
namespace {

u64 RunSlots(Device& device, u32 crc_handle, u32 count) {
  LiveRing& ring = device.ring();
  Completion completion;
  u64 sum = 0;
  for (u32 i = 0; i < count; ++i) {
    const Work work = i % 2 == 0 ? RangeWork(layout::kCrc32c, {crc_handle, 0, 64}) : MakeWork(layout::kBatchFence);
    const auto ticket = ring.Publish(work);
    if (!ticket.ok()) return 0;
    while (!ring.TryReap(*ticket, completion)) device::SpinPause();
    sum += completion.result;
  }
  return sum;
}

TEST(Allocation, NoneBetweenPublishAndReap) {
  std::vector<u8> bytes(64);
  CpuDeviceOptions options;
  options.workgroups = 2;
  const auto device = MakeDevice(options);
  const u32 handle = Register(*device, absl::MakeSpan(bytes));
  ASSERT_TRUE(device->Start().ok());
  ASSERT_NE(RunSlots(*device, handle, 100), 0u);  // warm-up
  const unsigned long before = g_allocations;
  const u64 sum = RunSlots(*device, handle, 2000);
  EXPECT_EQ(g_allocations - before, 0u);
  EXPECT_NE(sum, 0u);
}

TEST(Allocation, IsCounted) {
  const unsigned long before = g_allocations;
  const auto memory = std::make_unique<int>(1);
  EXPECT_EQ(g_allocations - before, 1u);
  EXPECT_EQ(*memory, 1);
}

}  // namespace
}  // namespace penstock
