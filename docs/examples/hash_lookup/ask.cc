// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ask.h"

#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "penstock/buffer_pool.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/volume.h"

namespace hash_lookup {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

/// Makes the cache known to the service, which fills it, and to the device, which reads it. What every lookup says, but its key.
absl::StatusOr<LookupArguments> MakeCache(penstock::Device& device, penstock::IoService& service, const AskOptions& options) {
  LookupArguments lookup = {};
  lookup.line_count = options.cache_buckets;
  // [destinations]
  PENSTOCK_ASSIGN_OR_RETURN(penstock::BufferPool made, penstock::BufferPool::Create({kBucketBytes, lookup.line_count}));
  const auto pool = std::make_shared<penstock::BufferPool>(std::move(made));  // The service keeps its address.
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<u32> destinations,
                            service.RegisterDestinations(*pool, {.length_bytes = kBucketBytes, .count = lookup.line_count}));
  PENSTOCK_ASSIGN_OR_RETURN(lookup.bytes, device.RegisterBuffer(pool->memory(), layout::kBufferRead));
  device.Keep(pool);
  // [/destinations]
  std::vector<CacheLine> lines(lookup.line_count);
  for (u32 i = 0; i < lookup.line_count; ++i) lines[i].destination = destinations[i];
  PENSTOCK_ASSIGN_OR_RETURN(lookup.lines, options.keep_lines(device, lines));
  return lookup;
}

absl::Status CollectNext(penstock::LiveRing& ring, const penstock::Ticket& ticket, std::vector<u64>& values) {
  PENSTOCK_ASSIGN_OR_RETURN(const penstock::Completion completion, ring.Wait(ticket, kPatience));
  values.push_back(completion.result);
  return completion.ToStatus("lookup " + std::to_string(values.size() - 1));
}

/// Keeps the ring full. Answers are taken in the order of the keys.
absl::StatusOr<std::vector<u64>> AskAll(penstock::LiveRing& ring, LookupArguments lookup, absl::Span<const u64> keys) {
  std::vector<u64> values;
  std::vector<penstock::Ticket> tickets;
  while (values.size() < keys.size()) {
    while (tickets.size() < keys.size() && ring.free_slots(layout::Priority::kNormal) > 0) {
      lookup.key = keys[tickets.size()];
      penstock::Work work = {.opcode = Lookup::kOpcode};
      EncodeLookup(lookup, work.argument.data());
      PENSTOCK_ASSIGN_OR_RETURN(const penstock::Ticket ticket, ring.Publish(work));
      tickets.push_back(ticket);
    }
    PENSTOCK_RETURN_IF_ERROR(CollectNext(ring, tickets[values.size()], values));
  }
  return values;
}

}  // namespace

absl::StatusOr<u32> KeepLinesOnHost(penstock::Device& device, const std::vector<CacheLine>& lines) {
  const auto kept = std::make_shared<std::vector<CacheLine>>(lines);
  device.Keep(kept);
  return device.RegisterBuffer({reinterpret_cast<std::byte*>(kept->data()), kept->size() * sizeof(CacheLine)},
                               layout::kBufferRead | layout::kBufferWrite);
}

absl::StatusOr<Answers> Ask(penstock::Device& device, const AskOptions& options, absl::Span<const u64> keys) {
  // [service]
  PENSTOCK_ASSIGN_OR_RETURN(const penstock::Volume volume, penstock::Volume::Open(options.table));
  PENSTOCK_ASSIGN_OR_RETURN(const std::unique_ptr<penstock::IoService> service,
                            penstock::IoService::Create(device.io_queues(), {.max_destinations = options.cache_buckets}));
  PENSTOCK_ASSIGN_OR_RETURN(LookupArguments lookup, MakeCache(device, *service, options));
  PENSTOCK_ASSIGN_OR_RETURN(lookup.table, service->RegisterSource(volume, {}));
  lookup.bucket_count = static_cast<u32>(volume.size_bytes() / kBucketBytes);

  PENSTOCK_RETURN_IF_ERROR(service->Start());
  PENSTOCK_RETURN_IF_ERROR(device.Start());
  // [/service]
  const uint64_t begin_ns = penstock::MonotonicNs();
  absl::StatusOr<std::vector<u64>> values = AskAll(device.ring(), lookup, keys);
  const uint64_t end_ns = penstock::MonotonicNs();
  PENSTOCK_RETURN_IF_ERROR(device.Stop(kPatience));
  PENSTOCK_RETURN_IF_ERROR(service->Stop(kPatience));
  PENSTOCK_RETURN_IF_ERROR(values.status());

  Answers answers;
  answers.values = *std::move(values);
  for (u32 i = 0; i < kCountWords; ++i) answers.count[i] = device.control_word(layout::kControlUserWords + i);
  answers.service = service->counts();
  answers.seconds = static_cast<double>(end_ns - begin_ns) * 1e-9;
  return answers;
}

}  // namespace hash_lookup
