// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A ring whose bytes anybody has written, and any calls on it: what is refused writes nothing, what is not follows a legal edge,
// and no call touches another slot.
#include <cstring>
#include <optional>

#include "penstock/check.h"
#include "penstock/layout/load_miss.h"
#include "penstock/ring.h"
#include "tests/fuzz/input.h"

namespace penstock {
namespace {

using layout::Edge;
using layout::Slot;

constexpr size_t kMostSlots = 6;

/// The call that `choice` means; `edge` is set to what it does to the slot's status.
absl::Status Call(const RingView& ring, u32 slot_index, fuzz::Input& input, std::optional<Edge>& edge) {
  switch (input.Byte() % 7) {
    case 0: {
      edge = Edge::kPublish;
      Slot slot = input.Take<Slot>();
      if (input.Byte() % 4 != 0) slot.word[layout::kStatusWord] = layout::kPublished;
      const size_t length = input.Byte() % 8 == 0 ? input.Byte() % (layout::kSlotBytes + 1) : layout::kSlotBytes;
      return ring.Publish(slot_index, {reinterpret_cast<const std::byte*>(&slot), length});
    }
    case 1: edge = Edge::kClaim; return ring.Claim(slot_index);
    case 2: edge = Edge::kDone; return ring.Done(slot_index, input.Take<u64>());
    case 3: edge = Edge::kFault; return ring.Fault(slot_index, layout::FaultReason{input.Byte()}, input.Take<u32>());
    case 4: edge = Edge::kAcknowledge; return ring.Acknowledge(slot_index);
    case 5: edge = Edge::kCancel; return ring.Cancel(slot_index);
    default: break;
  }
  Slot copy = {};
  const size_t length = input.Byte() % 8 == 0 ? input.Byte() % (layout::kSlotBytes + 1) : layout::kSlotBytes;
  return ring.ReadSlot(slot_index, {reinterpret_cast<std::byte*>(&copy), length});
}

void CheckChange(const std::vector<Slot>& before, const std::vector<Slot>& after, u32 slot_index, bool ok,
                 std::optional<Edge> edge) {
  for (u32 i = 0; i < before.size(); ++i) {
    if (i == slot_index && ok) continue;
    PENSTOCK_CHECK(std::memcmp(&before[i], &after[i], sizeof(Slot)) == 0);
  }
  if (!ok || !edge.has_value()) return;
  PENSTOCK_CHECK(slot_index < before.size());
  PENSTOCK_CHECK(layout::IsLegalEdge(*edge, before[slot_index].word[layout::kStatusWord]));
}

void CheckLoadMiss(const Slot& slot) {
  layout::LoadMiss miss = {};
  if (!layout::DecodeLoadMiss(slot, miss)) return;
  layout::LoadMiss again = {};
  PENSTOCK_CHECK(layout::DecodeLoadMiss(layout::EncodeLoadMiss(miss), again));
  PENSTOCK_CHECK(miss.resource_id == again.resource_id && miss.prefetch == again.prefetch);
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  const size_t bytes = input.Byte() % (kMostSlots * sizeof(Slot) + 1);
  const u32 slot_count = input.Byte() % 8;
  std::vector<Slot> slots = input.TakeMany<Slot>(bytes / sizeof(Slot) + 1);
  slots.pop_back();
  const auto ring = RingView::Over({reinterpret_cast<std::byte*>(slots.data()), slots.size() * sizeof(Slot)}, slot_count);
  PENSTOCK_CHECK(ring.ok() == (slot_count <= slots.size()));
  if (!ring.ok()) return 0;
  while (!input.empty()) {
    // Not "= slots": clang-tidy 19 takes that for a copy that nothing needs, as only the ring writes to the slots.
    const std::vector<Slot> before(slots.begin(), slots.end());
    const u32 slot_index = input.Byte() % (kMostSlots + 2);
    std::optional<Edge> edge;
    const bool ok = Call(*ring, slot_index, input, edge).ok();
    CheckChange(before, slots, slot_index, ok, edge);
    PENSTOCK_CHECK(ring->DoneCount() <= slot_count);
  }
  for (const Slot& slot : slots) CheckLoadMiss(slot);
  return 0;
}
