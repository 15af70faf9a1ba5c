// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A live I/O queue that a device writes to as it likes, before and while it is served: every request that is taken is in flight
// once and ends once, and none is served that reaches past its source or destination.
#include <cstring>

#include "penstock/check.h"
#include "penstock/layout/live_io.h"
#include "penstock/layout/slot.h"
#include "runtime/io_check.h"
#include "runtime/io_intake.h"
#include "tests/fuzz/input.h"

namespace penstock {
namespace {

using layout::IoCause;
using layout::IoEnd;
using layout::LiveIoQueue;

alignas(4096) std::byte memory[16384];

/// What a requester does when it keeps the protocol: so that there is something to take.
void Post(LiveIoQueue& queue, u32 ticket, u32 slot, fuzz::Input& input) {
  layout::EncodeIoRequest(layout::DecodeIoRequest(input.Take<layout::IoSlot>()), queue.slot[slot]);
  queue.slot[slot].status = layout::kPublished;
  queue.order[ticket % layout::kMaxIoSlots] = layout::IoOrderCell(ticket, slot);
}

/// Any word of what the device may write.
void Spoil(LiveIoQueue& queue, fuzz::Input& input) {
  const u32 place = input.Byte();
  if (place % 4 == 0) {
    queue.order[input.Byte() % layout::kMaxIoSlots] = input.Take<u32>();
  } else {
    reinterpret_cast<u32*>(queue.slot)[input.Take<u16>() % (layout::kMaxIoSlots * layout::kIoSlotWords)] = input.Take<u32>();
  }
}

void CheckServed(const layout::IoRequest& request, fuzz::Input& input) {
  if (request.op_type != layout::kIoRead && request.op_type != layout::kIoWrite) return;
  IoSource source;
  source.length_bytes = input.Take<u64>();
  source.may_read = input.Byte() % 4 != 0;
  source.may_write = input.Byte() % 4 == 0;
  source.routes[0] = IoRoute{ReadPath::kRead, 1u << input.Byte() % 13, 1u << input.Byte() % 13};
  IoDestination destination;
  destination.memory = absl::MakeSpan(memory + input.Byte() * 8, input.Take<u16>() % 8192);
  if (CheckIoRequest(request, source, destination) != IoCause::kNone) return;
  PENSTOCK_CHECK(request.byte_count != 0 && request.byte_count <= destination.memory.size());
  PENSTOCK_CHECK(request.offset_bytes <= source.length_bytes);
  PENSTOCK_CHECK(request.byte_count <= source.length_bytes - request.offset_bytes);
}

/// Serves and breaks the queue by turns. `taken` and `noted` are the model: a bit a slot.
void Serve(LiveIoQueue& queue, u64& bell, fuzz::Input& input) {
  IoIntake intake(queue, bell);
  u64 taken = 0, noted = 0;
  u32 ticket = FindNextIoTicket(queue);
  while (!input.empty()) {
    const u32 slot = input.Byte() % layout::kMaxIoSlots;
    const u64 bit = u64{1} << slot;
    switch (input.Byte() % 6) {
      case 0: Post(queue, ticket++, slot, input); break;
      case 1: Spoil(queue, input); break;
      case 2:
        if (const auto got = intake.TakeNext(); got.has_value()) {
          PENSTOCK_CHECK(got->slot < layout::kMaxIoSlots && (taken >> got->slot & 1) == 0);
          taken |= u64{1} << got->slot;
          CheckServed(got->request, input);
        }
        break;
      case 3:
        if ((taken & ~noted & bit) == 0) break;
        intake.End(slot, input.Take<IoEnd>());
        noted |= bit;
        break;
      case 4:
        if ((taken & ~noted & bit) == 0) break;
        intake.EndAfterOthers(slot);
        noted |= bit;
        break;
      default: {
        const u64 ended = intake.PublishEnds();
        PENSTOCK_CHECK((ended & ~noted) == 0);
        taken &= ~ended;
        noted &= ~ended;
      }
    }
    PENSTOCK_CHECK(intake.in_flight() == taken);
  }
}

}  // namespace
}  // namespace penstock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penstock;
  fuzz::Input input(data, size);
  LiveIoQueue queue = {};
  // Mostly zeros, as a queue begins, so that an input need not be as large as one.
  for (u32 i = input.Byte() % 32; i > 0; --i) Spoil(queue, input);
  u64 bell = input.Take<u64>();
  Serve(queue, bell, input);
  return 0;
}
