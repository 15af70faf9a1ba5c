// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// That a read-modify-write at system scope, or an operation with no scope, does not compile is tested in tests/compile_fail.
#include "penstock/layout/atomic.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace penstock::layout {
namespace {

TEST(Atomic, LoadsAndStoresWorkOnBothWidths) {
  u32 narrow = 0;
  u64 wide = 0;
  StoreRelaxed<Scope::kSystem>(&narrow, 7u);
  StoreRelease<Scope::kDevice>(&wide, u64{1} << 40);
  AcquireAfter<Scope::kSystem>(&narrow);
  EXPECT_EQ(LoadAcquire<Scope::kSystem>(&narrow), 7u);
  EXPECT_EQ(LoadRelaxed<Scope::kWorkgroup>(&wide), u64{1} << 40);
}

TEST(Atomic, CompareExchangeReportsWhatItFound) {
  u32 word = 5;
  u32 expected = 4;
  EXPECT_FALSE(CompareExchange<Scope::kDevice>(&word, expected, 9u));
  EXPECT_EQ(expected, 5u);
  EXPECT_TRUE(CompareExchange<Scope::kDevice>(&word, expected, 9u));
  EXPECT_EQ(word, 9u);
}

// What four threads count to when each calls `add` ten thousand times.
template <typename Add>
u64 CountByThreads(Add add) {
  u64 sum = 0;
  std::vector<std::jthread> threads;
  for (u32 i = 0; i < 4; ++i) {
    threads.emplace_back([&sum, add] {
      for (u32 round = 0; round < 10'000; ++round) add(&sum);
    });
  }
  threads.clear();
  return sum;
}

TEST(Atomic, AddsLoseNothingBetweenThreads) {
  EXPECT_EQ(CountByThreads([](u64* sum) { FetchAdd<Scope::kDevice>(sum, u64{1}); }), 40'000u);
  EXPECT_EQ(CountByThreads([](u64* sum) { FetchAdd<Scope::kWorkgroup, Order::kRelaxed>(sum, u64{1}); }), 40'000u);
}

TEST(Atomic, PayloadIsVisibleOnceTheReleasedStatusIs) {
  u32 payload = 0;
  u32 status = 0;
  std::jthread writer([&] {
    payload = 42;  // plain on purpose: the release alone must order it
    StoreRelease<Scope::kSystem>(&status, 1u);
  });
  while (LoadRelaxed<Scope::kSystem>(&status) == 0) std::this_thread::yield();
  AcquireAfter<Scope::kSystem>(&status);
  EXPECT_EQ(payload, 42u);
}

}  // namespace
}  // namespace penstock::layout
