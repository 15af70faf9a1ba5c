// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The queue, in device memory, of slots that have been claimed and will be run again: after YIELD or REQUEUE, and after WAIT_IO
// if the slot's request found no room, was refused or was given up.
//
// Many workgroups push and pop. Each cell carries a turn: cell i may be filled for position p when its turn is p, and emptied
// when it is p + 1 (D. Vyukov's bounded queue). A slot is in it at most once, so a queue with as many cells as the ring has
// slots is never full.
#pragma once

#include "penstock/layout/atomic.h"
#include "penstock/layout/target.h"

namespace penstock::device {

/// A claimed slot: its sub-ring and its sequence number there.
struct SlotName {
  u32 priority;
  u32 sequence;
};

class DeferredQueue {
 public:
  struct Cell {
    u32 turn;
    u32 priority;
    u32 sequence;
    u32 reserved;
  };
  struct Cursors {
    alignas(64) u32 push;
    alignas(64) u32 pop;
  };

  /// `cells`: capacity of them, a power of two, cell i with turn i; `cursors`: zero. Both in device memory.
  PENSTOCK_HOST_DEVICE static DeferredQueue Over(Cell* cells, Cursors* cursors, u32 capacity) {
    DeferredQueue queue;
    queue.cells_ = cells;
    queue.cursors_ = cursors;
    queue.mask_ = capacity - 1;
    return queue;
  }

  /// Requires: the slot is not in the queue. False if the next cell is not empty: because more slots are deferred than there are
  /// cells, or because somebody has taken its slot and not yet given it the next turn. The latter passes.
  PENSTOCK_HOST_DEVICE bool TryPush(SlotName slot) const {
    u32 position = layout::LoadRelaxed<layout::Scope::kDevice>(&cursors_->push);
    for (;;) {
      Cell& cell = cells_[position & mask_];
      const u32 turn = layout::LoadAcquire<layout::Scope::kDevice>(&cell.turn);  // pairs with the release in TryPop
      if (turn != position) {
        const u32 now = layout::LoadRelaxed<layout::Scope::kDevice>(&cursors_->push);
        if (now == position) return false;
        position = now;
      } else if (layout::CompareExchange<layout::Scope::kDevice>(&cursors_->push, position, position + 1)) {
        cell.priority = slot.priority;
        cell.sequence = slot.sequence;
        layout::StoreRelease<layout::Scope::kDevice>(&cell.turn, position + 1);  // pairs with the acquire in TryPop
        return true;
      }
    }
  }

  /// False when nothing is deferred, or the next slot's pusher has taken the cell and not yet filled it.
  PENSTOCK_HOST_DEVICE bool TryPop(SlotName& slot) const {
    u32 position = layout::LoadRelaxed<layout::Scope::kDevice>(&cursors_->pop);
    for (;;) {
      Cell& cell = cells_[position & mask_];
      const u32 turn = layout::LoadAcquire<layout::Scope::kDevice>(&cell.turn);  // pairs with the release in TryPush
      if (turn != position + 1) {
        const u32 now = layout::LoadRelaxed<layout::Scope::kDevice>(&cursors_->pop);
        if (now == position) return false;
        position = now;
      } else if (layout::CompareExchange<layout::Scope::kDevice>(&cursors_->pop, position, position + 1)) {
        slot = {cell.priority, cell.sequence};
        layout::StoreRelease<layout::Scope::kDevice>(&cell.turn, position + mask_ + 1);  // pairs with the acquire in TryPush
        return true;
      }
    }
  }

 private:
  Cell* cells_;
  Cursors* cursors_;
  u32 mask_;
};

}  // namespace penstock::device
