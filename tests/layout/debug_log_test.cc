// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/layout/debug_log.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace penstock::layout {
namespace {

std::vector<u32> EmptyLog(u32 capacity) { return std::vector<u32>(DebugLogWords(capacity)); }

std::vector<DebugRecord> ReadAll(const std::vector<u32>& log) {
  std::vector<DebugRecord> records(1000);
  records.resize(ReadRecords(log.data(), log.size(), {.first = 0, .count = 1000}, records.data()));
  return records;
}

TEST(DebugLog, LayoutIsACursorThenRecordsOfFourWords) {
  EXPECT_EQ(kDebugLogCapacity, 64u);
  EXPECT_EQ(DebugLogWords(kDebugLogCapacity), 1u + 64 * 4);
  std::vector<u32> log = EmptyLog(2);
  const u32 record[] = {7, 8, 9, 10};
  ASSERT_TRUE(AppendRecord(log.data(), 2, record));
  EXPECT_EQ(log, (std::vector<u32>{1, 7, 8, 9, 10, 0, 0, 0, 0}));
}

TEST(DebugLog, RecordsComeBackInOrder) {
  std::vector<u32> log = EmptyLog(kDebugLogCapacity);
  EXPECT_TRUE(ReadAll(log).empty());
  for (u32 i = 0; i < 3; ++i) {
    const u32 record[] = {i, 10 * i, 20 * i, 30 * i};
    ASSERT_TRUE(AppendRecord(log.data(), kDebugLogCapacity, record));
  }
  const std::vector<DebugRecord> records = ReadAll(log);
  ASSERT_EQ(records.size(), 3u);
  for (u32 i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].format_id, i);
    EXPECT_EQ(records[i].argument[2], 30 * i);
  }
}

TEST(DebugLog, ReadingGoesOnWhereItStopped) {
  std::vector<u32> log = EmptyLog(kDebugLogCapacity);
  for (u32 i = 0; i < 5; ++i) {
    const u32 record[] = {i, 0, 0, 0};
    ASSERT_TRUE(AppendRecord(log.data(), kDebugLogCapacity, record));
  }
  DebugRecord records[2];
  EXPECT_EQ(ReadRecords(log.data(), log.size(), {.first = 3, .count = 2}, records), 2u);
  EXPECT_EQ(records[0].format_id, 3u);
  EXPECT_EQ(ReadRecords(log.data(), log.size(), {.first = 4, .count = 2}, records), 1u);
  EXPECT_EQ(ReadRecords(log.data(), log.size(), {.first = 5, .count = 2}, records), 0u);
  EXPECT_EQ(ReadRecords(log.data(), log.size(), {.first = ~0u, .count = 2}, records), 0u);
}

TEST(DebugLog, OverflowDropsAndStaysDecodable) {
  std::vector<u32> log = EmptyLog(kDebugLogCapacity);
  u32 dropped = 0;
  for (u32 i = 0; i < 200; ++i) {
    const u32 record[] = {i, i, i, i};
    if (!AppendRecord(log.data(), kDebugLogCapacity, record)) ++dropped;
  }
  EXPECT_EQ(dropped, 200 - kDebugLogCapacity);
  const std::vector<DebugRecord> records = ReadAll(log);
  ASSERT_EQ(records.size(), kDebugLogCapacity);
  EXPECT_EQ(records.back().format_id, kDebugLogCapacity - 1);
}

TEST(DebugLog, AnyBytesCanBeRead) {
  const u32 seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (u32 round = 0; round < 2000; ++round) {
    std::vector<u32> log(random() % 20);  // exact size: the address sanitizer sees a read past the end
    for (u32& word : log) word = static_cast<u32>(random() % 2 == 0 ? random() : random() % 8);
    const size_t most = log.empty() ? 0 : (log.size() - 1) / kDebugRecordWords;
    ASSERT_LE(ReadAll(log).size(), most);
  }
  EXPECT_EQ(CompleteRecords(nullptr, 0), 0u);
}

TEST(DebugLog, AWriterNeverWritesBehindAnOverwrittenCursor) {
  std::vector<u32> log = EmptyLog(2);
  log[kDebugLogCursor] = ~0u;
  const std::vector<u32> before = log;
  const u32 record[] = {1, 2, 3, 4};
  EXPECT_FALSE(AppendRecord(log.data(), 2, record));
  EXPECT_EQ(log, before);
}

TEST(DebugLog, AReaderBesideAWriterSeesNoTornRecord) {
  constexpr u32 kCapacity = 5000;
  std::vector<u32> log = EmptyLog(kCapacity);
  std::jthread writer([&log] {
    for (u32 i = 1; i <= kCapacity; ++i) {
      const u32 record[] = {i, i, i, i};
      AppendRecord(log.data(), kCapacity, record);
    }
  });
  u32 seen = 0;
  std::vector<DebugRecord> records(kCapacity);
  while (seen < kCapacity) {
    const u32 count = ReadRecords(log.data(), log.size(), {.first = seen, .count = kCapacity - seen}, records.data());
    for (u32 i = 0; i < count; ++i) {
      ASSERT_EQ(records[i].format_id, seen + i + 1);
      for (const u32 argument : records[i].argument) ASSERT_EQ(argument, records[i].format_id);
    }
    seen += count;
    if (count == 0) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace penstock::layout
