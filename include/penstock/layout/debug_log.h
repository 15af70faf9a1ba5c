// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The debug log that PRINTF fills: word 0 is the cursor, the number of complete records; records of four words follow.
//
// Writer: the device, one lane at a time, which holds a lock in device memory. Reader: the host, at any moment. The record is
// stored before the cursor, and the cursor with release, so a record that the cursor counts is never torn. A full log drops
// what comes next; the number dropped is Counters::debug_log_dropped.
#pragma once

#include "penstock/layout/atomic.h"
#include "penstock/layout/target.h"

namespace penstock::layout {

inline constexpr u32 kDebugLogCursor = 0;   // word number
inline constexpr u32 kDebugLogRecords = 1;  // word number of the first record
/// Records of a log, unless DeviceOptions::debug_log_records says otherwise.
inline constexpr u32 kDebugLogCapacity = 64;

/// What one PRINTF left.
struct DebugRecord {
  u32 format_id;    // the application's own number for the text
  u32 argument[3];  // the values that the text shows
};
/// Words of a record.
inline constexpr u32 kDebugRecordWords = 4;
static_assert(sizeof(DebugRecord) == kDebugRecordWords * sizeof(u32));

/// Words of a log with room for `capacity` records.
PENSTOCK_HOST_DEVICE constexpr u64 DebugLogWords(u32 capacity) {
  return kDebugLogRecords + static_cast<u64>(capacity) * kDebugRecordWords;
}

/// Appends one record; false if the log is full, and then nothing is written. A cursor that somebody has overwritten with a
/// larger number counts as full.
/// Requires: the log has DebugLogWords(capacity) words; the caller holds the log's lock.
/// Ordering: the cursor's release pairs with the acquire of CompleteRecords.
PENSTOCK_HOST_DEVICE inline bool AppendRecord(u32* log, u32 capacity, const u32 record[kDebugRecordWords]) {
  const u32 cursor = LoadRelaxed<Scope::kSystem>(&log[kDebugLogCursor]);
  if (cursor >= capacity) return false;
  u32* word = log + kDebugLogRecords + static_cast<u64>(cursor) * kDebugRecordWords;
  for (u32 i = 0; i < kDebugRecordWords; ++i) StoreRelaxed<Scope::kSystem>(&word[i], record[i]);
  StoreRelease<Scope::kSystem>(&log[kDebugLogCursor], cursor + 1);
  return true;
}

/// How many records can be read: what the cursor says, and never more than `word_count` words hold.
/// Threads: any. Ordering: acquires the cursor.
PENSTOCK_HOST_DEVICE inline u32 CompleteRecords(const u32* log, u64 word_count) {
  if (word_count < DebugLogWords(1)) return 0;
  const u64 held = (word_count - kDebugLogRecords) / kDebugRecordWords;
  const u32 cursor = LoadAcquire<Scope::kSystem>(&log[kDebugLogCursor]);
  return cursor < held ? cursor : static_cast<u32>(held);
}

/// Which records to read, counted from the start of the log.
struct RecordSpan {
  u32 first;  // index of the first record
  u32 count;  // how many records
};

/// Copies complete records from `wanted` to `record` and returns how many there were. Any bytes can be read this way: what
/// the log lacks is left out, and nothing outside its `word_count` words is touched.
/// Requires: `record` has room for wanted.count. Threads: any.
PENSTOCK_HOST_DEVICE inline u32 ReadRecords(const u32* log, u64 word_count, RecordSpan wanted, DebugRecord* record) {
  const u32 complete = CompleteRecords(log, word_count);
  if (wanted.first >= complete) return 0;
  const u32 count = wanted.count < complete - wanted.first ? wanted.count : complete - wanted.first;
  for (u32 i = 0; i < count; ++i) {
    const u32* word = log + kDebugLogRecords + static_cast<u64>(wanted.first + i) * kDebugRecordWords;
    record[i].format_id = LoadRelaxed<Scope::kSystem>(&word[0]);
    for (u32 j = 0; j < 3; ++j) record[i].argument[j] = LoadRelaxed<Scope::kSystem>(&word[1 + j]);
  }
  return count;
}

}  // namespace penstock::layout
