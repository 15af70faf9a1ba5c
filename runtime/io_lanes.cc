// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_lanes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace penstock {

ReadQueueOptions IoQueueOptions(const IoServiceOptions& options) {
  return {.depth = options.depth, .poll_device = options.poll_device, .kernel_thread = options.kernel_thread};
}

IoLanes::~IoLanes() {
  IoRoster nothing;
  nothing.pools.resize(pools_.size());
  Leave(nothing);
}

void IoLanes::Sync() {
  // Before the roster is copied: a change meanwhile makes another Sync.
  const u64 version = tables_.version();
  if (version == version_) return;
  const IoRoster roster = tables_.roster();
  Leave(roster);
  Join(roster);
  version_ = version;
}

void IoLanes::AddUse(IoTally& tally) {
  for (PoolLanes& pool : pools_) {
    for (size_t path = 0; path < pool.lanes.size(); ++path) {
      Lane& lane = pool.lanes[path];
      if (lane.reader == nullptr) continue;
      const auto add = [](IoCount& count, uint64_t& counted, uint64_t now) { count.Add(now - std::exchange(counted, now)); };
      add(tally.paths[path].resubmitted, lane.resubmitted, lane.reader->counts().resubmitted);
      add(tally.paths[path].bounce_bytes, lane.bounce_bytes, lane.queue->bounce_bytes());
      add(tally.paths[path].commands, lane.commands, lane.queue->command_count());
    }
  }
}

/// First what is gone, because what is new may have its descriptor or its memory.
void IoLanes::Leave(const IoRoster& roster) {
  for (size_t p = 0; p < pools_.size(); ++p) {
    PoolLanes& pool = pools_[p];
    const bool gone = pool.pool != roster.pools[p];
    for (Lane& lane : pool.lanes) {
      for (size_t v = 0; v < lane.attached.size(); ++v) {
        if (lane.attached[v] == nullptr || (!gone && lane.attached[v] == roster.volumes[v].volume)) continue;
        lane.queue->Detach(*lane.attached[v]);
        lane.attached[v] = nullptr;
      }
      if (gone) Close(lane);
    }
    if (gone) pool.pool = nullptr;
  }
}

void IoLanes::Join(const IoRoster& roster) {
  pools_.resize(roster.pools.size());
  volume_count_ = 0;
  for (const IoRoster::Member& member : roster.volumes) volume_count_ += member.volume != nullptr ? 1 : 0;
  for (size_t p = 0; p < pools_.size(); ++p) {
    pools_[p].pool = roster.pools[p];
    if (roster.pools[p] == nullptr) continue;
    const auto kind = static_cast<size_t>(roster.pools[p]->is_device_memory() ? IoMemory::kDevice : IoMemory::kHost);
    for (size_t v = 0; v < roster.volumes.size(); ++v) {
      const IoRoster::Member& member = roster.volumes[v];
      if (member.volume == nullptr || !member.routes[kind].has_value()) continue;
      const ReadPath path = member.routes[kind]->path;
      Lane& lane = pools_[p].lanes[static_cast<size_t>(path)];
      if (lane.queue == nullptr && !lane.refused) Open(lane, path, *roster.pools[p]);
      if (lane.queue == nullptr) continue;
      lane.attached.resize(roster.volumes.size());
      if (lane.attached[v] == nullptr) lane.queue->Attach(*member.volume);
      lane.attached[v] = member.volume;
    }
  }
}

void IoLanes::Open(Lane& lane, ReadPath path, const BufferPool& pool) {
  const ReadQueueOptions options = IoQueueOptions(options_);
  absl::StatusOr<std::unique_ptr<ReadQueue>> queue = options_.open_queue(path, pool, options);
  if (!queue.ok()) {
    lane.refused = true;
    log_.Add(absl::StrCat("path ", std::string(ReadPathName(path)), ": ", std::string(queue.status().message())));
    return;
  }
  lane.queue = *std::move(queue);
  lane.reader = std::make_unique<Reader>(*lane.queue, Reader::Options{.depth = std::min(options.depth, lane.queue->capacity()),
                                                                      .read_timeout = options_.read_timeout});
  readers_.Add(*lane.reader);
}

void IoLanes::Close(Lane& lane) {
  if (lane.reader != nullptr) readers_.Remove(*lane.reader);
  lane.reader.reset();  // before its queue
  lane = {};
}

IoLanes::Lane* IoLanes::TryFind(const IoSource& source, const IoDestination& destination, ReadPath path) {
  if (destination.pool_index >= pools_.size() || pools_[destination.pool_index].pool != destination.pool) return nullptr;
  Lane& lane = pools_[destination.pool_index].lanes[static_cast<size_t>(path)];
  const bool attached = source.volume_index < lane.attached.size() && lane.attached[source.volume_index] == source.volume;
  return attached ? &lane : nullptr;
}

Reader* IoLanes::Find(const IoSource& source, const IoDestination& destination, ReadPath path) {
  Lane* lane = TryFind(source, destination, path);
  if (lane == nullptr && IsOutdated()) {
    Sync();
    lane = TryFind(source, destination, path);
  }
  return lane == nullptr ? nullptr : lane->reader.get();
}

}  // namespace penstock
