// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_tables.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/io_check.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using layout::HandleGeneration;
using layout::HandleIndex;
using layout::IoCause;
using layout::MakeHandle;

TEST(IoTable, NamesARowUntilItIsClosed) {
  IoTable<int> table(4);
  const u32 handle = table.Add(7);
  ASSERT_NE(table.Pin(handle), nullptr);
  EXPECT_EQ(*table.Pin(handle), 7);
  table.Close(handle);
  EXPECT_EQ(table.Pin(handle), nullptr);
  EXPECT_TRUE(table.IsPinned(handle));
  table.Unpin(handle);
  table.Unpin(handle);
  EXPECT_FALSE(table.IsPinned(handle));
}

TEST(IoTable, RefusesHandlesThatNameNothing) {
  IoTable<int> table(4);
  const u32 handle = table.Add(7);
  const u32 index = HandleIndex(handle);
  for (const u32 wrong : {0u, index, MakeHandle(index, HandleGeneration(handle) + 1), MakeHandle(index + 1, 1), MakeHandle(4, 1),
                          MakeHandle(0xFFFF, 1), 0xFFFFFFFFu}) {
    EXPECT_EQ(table.Pin(wrong), nullptr) << std::hex << wrong;
    EXPECT_EQ(table.Find(wrong), nullptr) << std::hex << wrong;
  }
  EXPECT_FALSE(table.IsPinned(handle));
}

TEST(IoTable, GivesAFreedPlaceTheNextGeneration) {
  IoTable<int> table(1);
  const u32 old = table.Add(7);
  table.Close(old);
  table.Free(old);
  const u32 handle = table.Add(8);
  EXPECT_EQ(HandleIndex(handle), HandleIndex(old));
  EXPECT_EQ(HandleGeneration(handle), HandleGeneration(old) + 1);
  EXPECT_EQ(table.Pin(old), nullptr);
  EXPECT_EQ(*table.Pin(handle), 8);
}

TEST(IoTable, NeverUsesAGenerationTwice) {
  IoTable<int> table(1);
  u32 handle = 0;
  for (int i = 1; i <= 65535; ++i) {
    ASSERT_EQ(table.free_count(), 1u);
    handle = table.Add(i);
    table.Close(handle);
    table.Free(handle);
  }
  EXPECT_EQ(HandleGeneration(handle), 65535u);
  EXPECT_EQ(table.free_count(), 0u) << "the place has had every generation";
}

/// Two words that belong together: a row that is read while it is written shows.
struct Pair {
  u64 one = 0;
  u64 other = 0;
};

TEST(IoTable, PinnedRowsStayAsTheyAreWhileOthersComeAndGo) {
  IoTable<Pair> table(2);
  std::atomic<u32> handle{table.Add({1, ~u64{1}})};
  std::atomic<bool> ended{false};
  std::atomic<u64> torn{0};
  std::vector<std::thread> users;
  for (int i = 0; i < 2; ++i) {
    users.emplace_back([&] {
      while (!ended.load()) {
        const u32 named = handle.load();
        const Pair* const pair = table.Pin(named);
        if (pair == nullptr) continue;
        if (pair->one != ~pair->other) torn.fetch_add(1);
        table.Unpin(named);
      }
    });
  }
  for (u64 i = 2; i < 20'000; ++i) {
    const u32 old = handle.exchange(table.Add({i, ~i}));
    table.Close(old);
    while (table.IsPinned(old)) std::this_thread::yield();
    table.Free(old);
  }
  ended.store(true);
  for (std::thread& user : users) user.join();
  EXPECT_EQ(torn.load(), 0u);
}

class IoTablesTest : public testing::Test {
 protected:
  IoSource Source() const { return {.volume = &volume_, .length_bytes = 4096, .may_read = true}; }
  IoDestination Destination() const { return {.pool = &pool_, .memory = pool_.memory()}; }

  const TempFile file_{4096};
  const Volume volume_ = file_.Open();
  const BufferPool pool_ = *BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1});
  IoTables tables_{2, 2};
};

TEST_F(IoTablesTest, SaysWhenATableIsFull) {
  EXPECT_TRUE(tables_.AddSource(Source()).ok());
  EXPECT_TRUE(tables_.AddSource(Source()).ok());
  EXPECT_EQ(tables_.AddSource(Source()).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(IoTablesTest, RegistersAllDestinationsOrNone) {
  const std::vector<IoDestination> three(3, Destination());
  EXPECT_EQ(tables_.AddDestinations(three).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(tables_.AddDestinations(absl::MakeConstSpan(three).first(2))->size(), 2u);
}

TEST_F(IoTablesTest, KeepsAVolumeOnTheRosterWhileARowIsOfIt) {
  const u32 first = *tables_.AddSource(Source());
  const u64 version = tables_.version();
  const u32 second = *tables_.AddSource(Source());
  EXPECT_EQ(tables_.version(), version) << "the volume was known already";
  ASSERT_TRUE(tables_.CloseSource(first).ok());
  EXPECT_LE(tables_.LeaveSource(first).value(), version);
  EXPECT_EQ(tables_.roster().volumes[0].volume, &volume_);
  ASSERT_TRUE(tables_.CloseSource(second).ok());
  EXPECT_GT(tables_.LeaveSource(second).value(), version);
  EXPECT_EQ(tables_.roster().volumes[0].volume, nullptr);
}

TEST_F(IoTablesTest, DoesNotGiveAPlaceOfTheRosterAwayBeforeItsRowsAreFreed) {
  const u32 handle = *tables_.AddSource(Source());
  ASSERT_TRUE(tables_.CloseSource(handle).ok());
  ASSERT_TRUE(tables_.LeaveSource(handle).has_value());
  const u32 next = *tables_.AddSource(Source());
  EXPECT_EQ(tables_.PinSource(next)->volume_index, 1u);
  tables_.FreeSource(handle);
  const TempFile other(4096);
  const Volume other_volume = other.Open();
  const u32 third = *tables_.AddSource({.volume = &other_volume, .length_bytes = 1});
  EXPECT_EQ(tables_.PinSource(third)->volume_index, 0u);
}

TEST_F(IoTablesTest, DoesNotLetAPinnedRowLeave) {
  const u32 handle = (*tables_.AddDestinations({Destination()}))[0];
  ASSERT_NE(tables_.PinDestination(handle), nullptr);
  ASSERT_TRUE(tables_.CloseDestination(handle).ok());
  EXPECT_FALSE(tables_.LeaveDestination(handle).has_value());
  tables_.UnpinDestination(handle);
  EXPECT_TRUE(tables_.LeaveDestination(handle).has_value());
  tables_.FreeDestination(handle);
  EXPECT_EQ(tables_.CloseDestination(handle).code(), absl::StatusCode::kNotFound);
}

// --- checks of a request ---

class IoCheckTest : public testing::Test {
 protected:
  IoCheckTest() {
    source_.routes[0] = IoRoute{ReadPath::kRead, 512, 512};
    destination_.memory = {reinterpret_cast<std::byte*>(0x10000), 4096};
  }
  IoCause Check(u64 offset, u32 bytes, u32 op = layout::kIoRead) const {
    return CheckIoRequest({op, 1, 1, offset, bytes, 0}, source_, destination_);
  }

  IoSource source_{.length_bytes = 100'352, .may_read = true, .may_write = true};
  IoDestination destination_;
};

TEST_F(IoCheckTest, AllowsWhatLiesWithinBothLimits) {
  EXPECT_EQ(Check(0, 4096), IoCause::kNone);
  EXPECT_EQ(Check(0, 1), IoCause::kNone);
  EXPECT_EQ(Check(100'352 - 512, 512), IoCause::kNone);
  EXPECT_EQ(Check(512, 4096, layout::kIoWrite), IoCause::kNone);
}

TEST_F(IoCheckTest, RefusesWhatReachesPastTheSource) {
  EXPECT_EQ(Check(100'352, 1), IoCause::kOutOfRange);
  EXPECT_EQ(Check(100'352 - 512, 513), IoCause::kOutOfRange);
  EXPECT_EQ(Check(~u64{511}, 512), IoCause::kOutOfRange) << "a sum that overflows";
  EXPECT_EQ(Check(~u64{0}, 0xFFFFFFFFu), IoCause::kOutOfRange);
}

TEST_F(IoCheckTest, RefusesWhatReachesPastTheDestinationEvenByTheRestOfABlock) {
  source_.length_bytes = u64{1} << 40;
  EXPECT_EQ(Check(0, 4097), IoCause::kOutOfRange);
  EXPECT_EQ(Check(0, 0xFFFFFFFFu), IoCause::kOutOfRange);
  destination_.memory = destination_.memory.first(4000);
  EXPECT_EQ(Check(0, 3584), IoCause::kNone);
  EXPECT_EQ(Check(0, 3585), IoCause::kOutOfRange) << "4096 bytes would land";
}

TEST_F(IoCheckTest, RefusesWhatThePathCannotAddress) {
  EXPECT_EQ(Check(1, 512), IoCause::kMisaligned);
  EXPECT_EQ(Check(512 + 256, 512), IoCause::kMisaligned);
  EXPECT_EQ(Check(0, 513, layout::kIoWrite), IoCause::kMisaligned) << "a block would be written with what lies behind";
  destination_.memory = {destination_.memory.data() + 64, 1024};
  EXPECT_EQ(Check(0, 512), IoCause::kMisaligned) << "memory";
}

TEST_F(IoCheckTest, RefusesZeroBytes) { EXPECT_EQ(Check(0, 0), IoCause::kEmpty); }

TEST_F(IoCheckTest, RefusesWhatTheSourceIsNotFor) {
  source_.may_write = false;
  EXPECT_EQ(Check(0, 512, layout::kIoWrite), IoCause::kDenied);
  source_ = {.length_bytes = 4096, .may_read = false, .may_write = true, .routes = source_.routes};
  EXPECT_EQ(Check(0, 512), IoCause::kDenied);
}

TEST_F(IoCheckTest, RefusesMemoryThatNoPathReaches) {
  destination_.kind = IoMemory::kDevice;
  EXPECT_EQ(Check(0, 512), IoCause::kRefusedByPath);
}

}  // namespace
}  // namespace penstock
