// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a slot costs: from the host to a workgroup and back, and each side alone. The baselines do the same hand-over with a
// mutex and condition variables, and the same dispatch with an indirect call.
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "penstock/check.h"
#include "penstock/cpu_device.h"
#include "penstock/layout/atomic.h"
#include "runtime/cpu_memory.h"
#include "runtime/resident_device.h"

namespace penstock {
namespace {

using layout::Priority;
using layout::Scope;

void BM_LiveRingRoundTrip(benchmark::State& state) {
  const auto device = MakeCpuDevice<>({}).value();
  PENSTOCK_CHECK(device->Start().ok());
  LiveRing& ring = device->ring();
  const auto depth = state.range(0);
  Completion completion;
  for (auto _ : state) {
    for (auto i = depth; i > 0; --i) PENSTOCK_CHECK(ring.Publish({}).ok());
    for (auto i = depth; i > 0;) {
      if (ring.TryReapNext(Priority::kNormal, completion)) {
        --i;
      } else {
        device::SpinPause();
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * depth);
}
BENCHMARK(BM_LiveRingRoundTrip)->ArgName("depth")->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

// A queue of 64-byte items, as it is usually written.
class LockedQueue {
 public:
  void Push(const layout::Slot& slot) {
    {
      std::lock_guard lock(mutex_);
      slots_.push_back(slot);
    }
    not_empty_.notify_one();
  }
  layout::Slot Pop() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return !slots_.empty(); });
    const layout::Slot slot = slots_.front();
    slots_.pop_front();
    return slot;
  }

 private:
  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::deque<layout::Slot> slots_;
};

void BM_MutexQueueRoundTrip(benchmark::State& state) {
  LockedQueue to_thread;
  LockedQueue back;
  std::thread worker([&] {
    for (layout::Slot slot = to_thread.Pop(); slot.word[layout::kOpcodeWord] != layout::kShutdown; slot = to_thread.Pop()) {
      back.Push(slot);
    }
  });
  const auto depth = state.range(0);
  layout::Slot slot = {};
  for (auto _ : state) {
    for (auto i = depth; i > 0; --i) to_thread.Push(slot);
    for (auto i = depth; i > 0; --i) benchmark::DoNotOptimize(back.Pop());
  }
  slot.word[layout::kOpcodeWord] = layout::kShutdown;
  to_thread.Push(slot);
  worker.join();
  state.SetItemsProcessed(state.iterations() * depth);
}
BENCHMARK(BM_MutexQueueRoundTrip)->ArgName("depth")->Arg(1)->Arg(16)->Arg(256)->UseRealTime();

// The host's side alone: the slot is ended by hand, in the same thread.
void BM_LiveRingPublishAndReap(benchmark::State& state) {
  std::vector<layout::Slot> slots(256 * layout::kPriorityCount);
  layout::Doorbell doorbell = {};
  LiveRing ring = LiveRing::Create({absl::MakeSpan(slots), &doorbell}, {}).value();
  const u32 offset = ring.partition_offset(static_cast<u32>(Priority::kNormal));
  Completion completion;
  for (auto _ : state) {
    const Ticket ticket = *ring.Publish({});
    layout::StoreRelease<Scope::kSystem>(&slots[offset + ticket.sequence % 256].word[layout::kStatusWord], layout::kDone);
    PENSTOCK_CHECK(ring.TryReap(ticket, completion));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LiveRingPublishAndReap);

// The device's side alone: one workgroup, in this thread, runs a full ring of NOPs.
void BM_InterpreterRunNop(benchmark::State& state) {
  using Program = device::Program<>;
  CpuDeviceOptions options;
  options.user_words = 1;
  const auto slot_count = static_cast<u32>(state.range(0));
  options.ring.slot_counts = {1, 1, slot_count, 1, 1};
  CpuMemory memory(options, sizeof(device::WorkgroupMemory<Program>));
  LiveRing ring = MakeRing(memory, options, nullptr).value();
  memory.control()[layout::kControlTenantMasks] = layout::kPermitAllButShutdown;
  ring.BeginEpoch();
  Completion completion;
  for (auto _ : state) {
    state.PauseTiming();
    while (ring.TryReapNext(Priority::kNormal, completion)) PENSTOCK_CHECK(completion.ok());
    while (ring.free_slots(Priority::kNormal) > 0) PENSTOCK_CHECK(ring.Publish({}).ok());
    state.ResumeTiming();
    memory.PrepareLaunch(/*run_once=*/true);
    device::Group group(0, 0, 1, nullptr);
    device::RunWorkgroup<Program>(memory.view(), group,
                                  *static_cast<device::WorkgroupMemory<Program>*>(memory.workgroup_memory(0)));
  }
  state.SetItemsProcessed(state.iterations() * slot_count);
}
BENCHMARK(BM_InterpreterRunNop)->ArgName("slots")->Arg(4096);

void BM_IndirectCall(benchmark::State& state) {
  u64 (*call)(u64) = [](u64 argument) { return argument; };
  u64 value = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(call);
    benchmark::DoNotOptimize(value = call(value));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_IndirectCall);

}  // namespace
}  // namespace penstock
