// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a request costs in the byte-level I/O queue, both sides played by one thread. The baseline hands over the same words and
// ends through two deques and a mutex.
#include <benchmark/benchmark.h>

#include <deque>
#include <mutex>
#include <vector>

#include "penstock/check.h"
#include "penstock/io_queue.h"

namespace penstock {
namespace {

layout::IoRequest ReadOf(u32 tag) {
  return {.op_type = layout::kIoRead,
          .source_handle = 1,
          .destination_handle = 2,
          .offset_bytes = u64{tag} * 4096,
          .byte_count = 4096,
          .tag = tag};
}

// Submit, ClaimRequests, CompleteBatch and PollCompletions, with so many of the 64 slots in use.
void BM_IoQueueClaimComplete(benchmark::State& state) {
  const HostIoQueue queue = HostIoQueue::Create(layout::kMaxIoSlots).value();
  const IoQueueView view = queue.view();
  const auto requests = static_cast<u32>(state.range(0));
  std::vector<IoPosting> claimed;
  std::vector<IoCompletion> batch;
  std::vector<IoFinished> finished;
  for (auto _ : state) {
    for (u32 slot_id = 0; slot_id < requests; ++slot_id) PENSTOCK_CHECK(view.Submit(slot_id, ReadOf(slot_id)).ok());
    view.ClaimRequests(claimed);
    batch.clear();
    for (const IoPosting& request : claimed) batch.push_back({request.slot_id, {0, request.words.byte_count}});
    PENSTOCK_CHECK(view.CompleteBatch(batch).ok());
    view.PollCompletions(finished);
    PENSTOCK_CHECK(finished.size() == requests);
  }
  state.SetItemsProcessed(state.iterations() * requests);
}
BENCHMARK(BM_IoQueueClaimComplete)->ArgName("requests")->Arg(1)->Arg(16)->Arg(64);

// What looking costs where nothing was asked for.
void BM_IoQueueClaimEmpty(benchmark::State& state) {
  const HostIoQueue queue = HostIoQueue::Create(layout::kMaxIoSlots).value();
  std::vector<IoPosting> claimed;
  for (auto _ : state) {
    queue.view().ClaimRequests(claimed);
    benchmark::DoNotOptimize(claimed.size());
  }
}
BENCHMARK(BM_IoQueueClaimEmpty);

void BM_LockedDequesClaimComplete(benchmark::State& state) {
  std::mutex mutex;
  std::deque<IoPosting> posted;
  std::deque<IoCompletion> ended;
  const auto requests = static_cast<u32>(state.range(0));
  std::vector<IoPosting> claimed;
  std::vector<IoCompletion> finished;
  for (auto _ : state) {
    for (u32 tag = 0; tag < requests; ++tag) {
      const std::lock_guard lock(mutex);
      posted.push_back({tag, ReadOf(tag)});
    }
    {
      const std::lock_guard lock(mutex);
      claimed.assign(posted.begin(), posted.end());
      posted.clear();
    }
    {
      const std::lock_guard lock(mutex);
      for (const IoPosting& request : claimed) ended.push_back({request.slot_id, {0, request.words.byte_count}});
    }
    {
      const std::lock_guard lock(mutex);
      finished.assign(ended.begin(), ended.end());
      ended.clear();
    }
    PENSTOCK_CHECK(finished.size() == requests);
  }
  state.SetItemsProcessed(state.iterations() * requests);
}
BENCHMARK(BM_LockedDequesClaimComplete)->ArgName("requests")->Arg(1)->Arg(16)->Arg(64);

}  // namespace
}  // namespace penstock
