// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An I/O queue whose bytes anybody has written, and any calls of both sides on it: every answer names a slot that there is, each
// once, and a refused call writes nothing.
#include <cstring>
#include <vector>

#include "penstock/check.h"
#include "penstock/io_queue.h"
#include "penstock/layout/slot.h"
#include "tests/fuzz/input.h"

namespace penstock {
namespace {

using layout::IoEnd;
using layout::IoSlot;

template <typename Item>
void CheckSlots(const std::vector<Item>& items, u32 slot_count) {
  u64 seen = 0;
  for (const Item& item : items) {
    PENSTOCK_CHECK(item.slot_id < slot_count);
    PENSTOCK_CHECK((seen >> item.slot_id & 1) == 0);
    seen |= u64{1} << item.slot_id;
  }
}

layout::IoRequest TakeRequest(fuzz::Input& input) {
  layout::IoRequest request = layout::DecodeIoRequest(input.Take<IoSlot>());
  const u8 choice = input.Byte();
  if (choice % 2 == 0) request.op_type = choice % 8 == 0 ? layout::kIoAnnounce : choice % 4;
  return request;
}

absl::Status CallThatNames(const IoQueueView& queue, u8 choice, fuzz::Input& input) {
  const u32 slot_id = input.Byte() % 8 == 0 ? input.Take<u32>() : input.Byte() % 66;
  switch (choice % 4) {
    case 0: return queue.Submit(slot_id, TakeRequest(input));
    case 1: return queue.Announce(slot_id, TakeRequest(input));
    case 2: return queue.Complete(slot_id, input.Take<IoEnd>());
    default: break;
  }
  std::vector<IoCompletion> batch;
  for (u32 i = input.Byte() % 4; i > 0; --i) batch.push_back({input.Byte() % 66u, input.Take<IoEnd>()});
  return queue.CompleteBatch(batch);
}

void Poll(const IoQueueView& queue, u8 choice) {
  std::vector<IoPosting> postings;
  std::vector<IoFinished> finished;
  switch (choice % 4) {
    case 0: queue.PollRequests(postings); break;
    case 1: queue.ClaimRequests(postings); break;
    case 2: queue.PollAnnouncements(postings); break;
    default: queue.PollCompletions(finished);
  }
  CheckSlots(postings, queue.slot_count());
  CheckSlots(finished, queue.slot_count());
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  const size_t length = input.Byte() % 4 == 0 ? input.Take<u16>() % 2200 : input.Byte() % 66 * sizeof(IoSlot);
  std::vector<u32> words = input.TakeMany<u32>((length + 3) / 4);
  std::vector<IoEnd> ends(input.Byte() % 2 == 0 ? layout::kMaxIoSlots : input.Byte() % 66);
  const auto queue = IoQueueView::Over({reinterpret_cast<std::byte*>(words.data()), length}, absl::MakeSpan(ends));
  if (!queue.ok()) return 0;
  PENSTOCK_CHECK(queue->slot_count() * sizeof(IoSlot) == length);
  while (!input.empty()) {
    const u8 choice = input.Byte();
    if (choice % 8 >= 4) {
      Poll(*queue, choice);
      continue;
    }
    // Not "= words": clang-tidy 19 takes that for a copy that nothing needs, as only the queue writes to the words.
    const std::vector<u32> before(words.begin(), words.end());
    if (!CallThatNames(*queue, choice, input).ok()) PENSTOCK_CHECK(words == before);
  }
  return 0;
}
