// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/fixed_fifo.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace penstock::driver {
namespace {

TEST(FixedFifo, GivesItemsBackInOrder) {
  FixedFifo<int> fifo(3);
  for (int round = 0; round < 10; ++round) {
    fifo.Push(1);
    fifo.Push(2);
    EXPECT_EQ(fifo.Pop(), 1);
    fifo.Push(3);
    EXPECT_FALSE(fifo.full());
    fifo.Push(4);
    EXPECT_TRUE(fifo.full());
    EXPECT_EQ(fifo.Pop(), 2);
    EXPECT_EQ(fifo.Pop(), 3);
    EXPECT_EQ(fifo.Pop(), 4);
    EXPECT_TRUE(fifo.empty());
  }
}

TEST(FixedFifo, RemovesOnlyTheFirstMatchAndKeepsTheOrder) {
  FixedFifo<int> fifo(4);
  for (const int item : {1, 2, 3, 2}) fifo.Push(item);
  EXPECT_TRUE(fifo.Remove([](int item) { return item == 2; }));
  EXPECT_FALSE(fifo.Remove([](int item) { return item == 4; }));
  EXPECT_EQ(fifo.size(), 3);
  EXPECT_EQ(fifo.Pop(), 1);
  EXPECT_EQ(fifo.Pop(), 3);
  EXPECT_EQ(fifo.Pop(), 2);
}

TEST(FixedFifo, BehavesLikeADequeUnderRandomUse) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  FixedFifo<uint32_t> fifo(7);
  std::deque<uint32_t> model;
  for (uint32_t step = 0; step < 10'000; ++step) {
    const uint32_t action = static_cast<uint32_t>(random()) % 5;
    if (action < 2 && model.size() < 7) {
      fifo.Push(step);
      model.push_back(step);
    } else if (action < 4 && !model.empty()) {
      ASSERT_EQ(fifo.Pop(), model.front());
      model.pop_front();
    } else if (action == 4 && !model.empty()) {
      const auto victim = model.begin() + static_cast<ptrdiff_t>(random() % model.size());
      ASSERT_TRUE(fifo.Remove([&](uint32_t item) { return item == *victim; }));
      model.erase(victim);
    }
    ASSERT_EQ(fifo.size(), model.size());
  }
}

TEST(FixedFifoDeathTest, RefusesMoreThanItHolds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  FixedFifo<int> fifo(1);
  fifo.Push(1);
  EXPECT_DEATH(fifo.Push(2), "size_ < items_.size");
}

}  // namespace
}  // namespace penstock::driver
