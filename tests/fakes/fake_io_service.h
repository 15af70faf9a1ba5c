// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The host's end of live I/O queues as a test wants it: takes requests in the order of their tickets and ends them when it is
// told to, as it is told to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "penstock/layout/atomic.h"
#include "penstock/layout/slot.h"
#include "penstock/live_io_queues.h"

namespace penstock::fakes {

class FakeIoService {
 public:
  struct Taken {
    u32 queue;
    u32 slot;
    layout::IoRequest request;
  };

  explicit FakeIoService(const LiveIoQueues& queues) : queues_(queues), tickets_(queues.queues.size()) {}

  /// The next request of the queue, if there is one.
  bool TryTake(u32 queue, Taken& taken) {
    using layout::Scope;
    layout::LiveIoQueue& live = queues_.queues[queue];
    u32& ticket = tickets_[queue];
    const u32 cell = layout::LoadAcquire<Scope::kSystem>(&live.order[ticket % layout::kMaxIoSlots]);
    if (!layout::IsIoTicket(cell, ticket)) return false;
    ++ticket;
    const u32 index = layout::IoSlotOfCell(cell);
    layout::IoSlot& slot = live.slot[index];
    EXPECT_EQ(layout::LoadRelaxed<Scope::kSystem>(&slot.status), layout::kPublished);
    layout::StoreRelaxed<Scope::kSystem>(&slot.status, layout::kClaimed);
    taken = {queue, index, layout::DecodeIoRequest(slot)};
    return true;
  }

  /// The next request of any queue; waits for it.
  Taken Take() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (Taken taken{};;) {
      for (u32 queue = 0; queue < queues_.queues.size(); ++queue) {
        if (TryTake(queue, taken)) return taken;
      }
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "nobody has made a request";
        return {};
      }
      std::this_thread::yield();
    }
  }

  void End(const Taken& taken, const layout::IoEnd& end) {
    using layout::Scope;
    layout::LiveIoQueue& live = queues_.queues[taken.queue];
    layout::StoreRelaxed<Scope::kSystem>(&live.end[taken.slot].cause, end.cause);
    layout::StoreRelaxed<Scope::kSystem>(&live.end[taken.slot].bytes, end.bytes);
    layout::StoreRelease<Scope::kSystem>(&live.slot[taken.slot].status, end.ok() ? layout::kIoOk : layout::kIoError);
    u64& bell = queues_.bells[layout::kFirstIoBell + taken.queue];
    layout::StoreRelease<Scope::kSystem>(&bell, bell ^ u64{1} << taken.slot);
  }

  void SetState(layout::IoServiceState state) {
    layout::StoreRelease<layout::Scope::kSystem>(&queues_.bells[layout::kIoStateBell], static_cast<u64>(state));
  }

 private:
  LiveIoQueues queues_;
  std::vector<u32> tickets_;
};

}  // namespace penstock::fakes
