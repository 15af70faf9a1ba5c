// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A debug log of any bytes: no record is read that it does not hold, and none is appended outside of it.
#include <vector>

#include "penstock/check.h"
#include "penstock/layout/debug_log.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  const size_t word_count = input.Byte() % 80;
  std::vector<u32> log = input.TakeMany<u32>(word_count);
  while (!input.empty()) {
    const u32 complete = layout::CompleteRecords(log.data(), word_count);
    PENSTOCK_CHECK(complete == 0 || layout::DebugLogWords(complete) <= word_count);
    const layout::RecordSpan wanted = {input.Byte() % 8 == 0 ? input.Take<u32>() : input.Byte() % 24, input.Byte()};
    std::vector<layout::DebugRecord> records(wanted.count);
    const u32 read = layout::ReadRecords(log.data(), word_count, wanted, records.data());
    PENSTOCK_CHECK(read <= wanted.count && (read == 0 || u64{wanted.first} + read <= complete));
    if (word_count < layout::DebugLogWords(0)) continue;
    const u32 capacity = static_cast<u32>((word_count - layout::kDebugLogRecords) / layout::kDebugRecordWords);
    const auto record = input.TakeMany<u32>(layout::kDebugRecordWords);
    const u32 cursor = log[layout::kDebugLogCursor];
    const bool appended = layout::AppendRecord(log.data(), capacity, record.data());
    PENSTOCK_CHECK(appended == (cursor < capacity));
  }
  return 0;
}
