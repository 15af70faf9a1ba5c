// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Queues and requests for the tests of I/O queues.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "penstock/io_queue.h"

namespace penstock {

inline constexpr layout::IoEnd kOk = {0, 0};
inline constexpr layout::IoEnd kMediumError = {static_cast<u32>(layout::IoCause::kMedium), 512};

inline std::string Text(const absl::Status& status) { return std::string(status.message()); }

inline std::vector<std::byte> EmptyQueue(u32 slots) {
  std::vector<std::byte> bytes;
  EXPECT_TRUE(EncodeEmptyIoQueue(slots, bytes).ok());
  return bytes;
}

inline IoQueueView ViewOf(std::vector<std::byte>& bytes) { return IoQueueView::Over(absl::MakeSpan(bytes)).value(); }

inline layout::IoSlot SlotOf(const std::vector<std::byte>& bytes, u32 slot_id) {
  layout::IoSlot slot;
  std::memcpy(&slot, bytes.data() + size_t{slot_id} * sizeof(slot), sizeof(slot));
  return slot;
}

inline void SetStatus(std::vector<std::byte>& bytes, u32 slot_id, u32 status) {
  std::memcpy(bytes.data() + size_t{slot_id} * sizeof(layout::IoSlot) + offsetof(layout::IoSlot, status), &status,
              sizeof(status));
}

/// A READ whose every word tells its tag.
inline layout::IoRequest Read(u32 tag) {
  return {.op_type = layout::kIoRead,
          .source_handle = 7 ^ tag,
          .destination_handle = 9 + tag,
          .offset_bytes = 0x1122'3344'5566'7788u + tag,
          .byte_count = 4096 + tag,
          .tag = tag};
}

inline layout::IoRequest Announcement(u32 tag) {
  layout::IoRequest announcement = Read(tag);
  announcement.op_type = layout::kIoAnnounce;
  return announcement;
}

inline bool SameWords(const layout::IoRequest& a, const layout::IoRequest& b) {
  return a.op_type == b.op_type && a.source_handle == b.source_handle && a.destination_handle == b.destination_handle &&
         a.offset_bytes == b.offset_bytes && a.byte_count == b.byte_count && a.tag == b.tag;
}

template <typename Item>
std::vector<u32> SlotIds(const std::vector<Item>& items) {
  std::vector<u32> ids;
  for (const Item& item : items) ids.push_back(item.slot_id);
  return ids;
}

}  // namespace penstock
