// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/megakernel_memory.h"

#include <bit>
#include <numeric>

#include "penstock/layout/debug_log.h"

namespace penstock {
namespace {

/// In ticks of a device's clock. An infinite time becomes a century at least, which added to a clock does not wrap around.
u64 TicksOf(absl::Duration duration, u64 ticks_per_second) {
  constexpr u64 kLongestTicks = u64{1} << 62;
  const double ticks = absl::ToDoubleSeconds(duration) * static_cast<double>(ticks_per_second);
  return ticks < static_cast<double>(kLongestTicks) ? static_cast<u64>(ticks) : kLongestTicks;
}

}  // namespace

MegakernelMemory::MegakernelMemory(const DeviceOptions& options, u64 ticks_per_second) : ticks_per_second_(ticks_per_second) {
  const auto& counts = options.ring.slot_counts;
  const u32 slot_count = std::accumulate(counts.begin(), counts.end(), 0u);
  slots_ = Reserve<layout::Slot>(slot_count, host_bytes_);
  doorbell_ = Reserve<layout::Doorbell>(1, host_bytes_);
  counters_ = Reserve<layout::Counters>(1, host_bytes_);
  control_ = Reserve<u32>(layout::kControlMinWords + options.user_words, host_bytes_);
  debug_log_ = Reserve<u32>(layout::DebugLogWords(options.debug_log_records), host_bytes_);
  slot_times_ = Reserve<layout::SlotTimes>(options.slot_times ? slot_count : 0, host_bytes_);

  launch_ = Reserve<device::LaunchState>(1, device_bytes_);
  shared_ = Reserve<device::SharedState>(1, device_bytes_);
  cursors_ = Reserve<device::DeferredQueue::Cursors>(1, device_bytes_);
  cells_ = Reserve<device::DeferredQueue::Cell>(std::bit_ceil(slot_count), device_bytes_);
  slot_states_ = Reserve<device::SlotState>(slot_count, device_bytes_);
  workgroups_ = Reserve<device::WorkgroupState>(options.workgroups, device_bytes_);
  buffers_ = Reserve<layout::BufferRow>(options.max_buffers, device_bytes_);
  user_words_ = Reserve<u32>(options.user_words, device_bytes_);
  if (options.io_queues != 0) ReserveIo(options, slot_count);

  view_.workgroup_count = options.workgroups;
  view_.user_word_count = options.user_words;
  view_.control_word_count = static_cast<u32>(control_.count);
  view_.buffer_count = options.max_buffers;
  view_.debug_log_capacity = options.debug_log_records;
  view_.slot_limit_ticks = TicksOf(options.slot_limit, ticks_per_second);
  view_.mirror_interval_ticks = TicksOf(options.mirror_interval, ticks_per_second);
}

void MegakernelMemory::ReserveIo(const DeviceOptions& options, u32 slot_count) {
  io_queues_ = Reserve<layout::LiveIoQueue>(options.io_queues, host_bytes_);
  io_bells_ = Reserve<u64>(layout::IoBellCount(options.io_queues), host_bytes_);
  io_alarm_ = Reserve<layout::IoAlarm>(1, host_bytes_);
  io_states_ = Reserve<device::IoQueueState>(options.io_queues, device_bytes_);
  io_entries_ = Reserve<device::IoEntry>(u64{options.io_queues} * layout::kMaxIoSlots, device_bytes_);
  waits_ = Reserve<device::WaitState>(slot_count, device_bytes_);
  resources_ = Reserve<layout::ResourceRow>(options.max_resources, device_bytes_);
  resource_states_ = Reserve<device::ResourceState>(options.max_resources, device_bytes_);
  view_.io.queue_count = options.io_queues;
  view_.io.resource_count = options.max_resources;
}

void MegakernelMemory::Place(const Piece& host, const Piece& device) {
  host_ = host;
  device_ = device;
  view_.slots = AddressOf(slots_, host);
  view_.doorbell = AddressOf(doorbell_, host);
  view_.control = AddressOf(control_, host);
  view_.counters = AddressOf(counters_, host);
  view_.debug_log = AddressOf(debug_log_, host);
  if (slot_times_.count != 0) view_.slot_times = AddressOf(slot_times_, host);
  view_.launch = AddressOf(launch_, device);
  view_.shared = AddressOf(shared_, device);
  view_.slot_states = AddressOf(slot_states_, device);
  view_.workgroups = AddressOf(workgroups_, device);
  view_.user_words = AddressOf(user_words_, device);
  view_.buffers = AddressOf(buffers_, device);
  if (view_.io.queue_count != 0) PlaceIo();
  view_.deferred =
      device::DeferredQueue::Over(AddressOf(cells_, device), AddressOf(cursors_, device), static_cast<u32>(cells_.count));
}

void MegakernelMemory::PlaceIo() {
  view_.io.queues = AddressOf(io_queues_, host_);
  view_.io.bells = AddressOf(io_bells_, host_);
  view_.io.alarm = AddressOf(io_alarm_, host_);
  view_.io.states = AddressOf(io_states_, device_);
  view_.io.entries = AddressOf(io_entries_, device_);
  view_.io.waits = AddressOf(waits_, device_);
  view_.io.resources = AddressOf(resources_, device_);
  view_.io.resource_states = AddressOf(resource_states_, device_);
}

LiveIoQueues MegakernelMemory::io_queues() const {
  return {Of(io_queues_, host_), Of(io_bells_, host_), Of(io_alarm_, host_).data()};
}

void MegakernelMemory::Connect(const LiveRing& ring, u32 first_sequence) {
  const absl::Span<device::DeferredQueue::Cell> cells = Of(cells_, device_);
  for (u32 i = 0; i < cells.size(); ++i) cells[i].turn = i;
  for (device::IoQueueState& state : Of(io_states_, device_)) state.free = ~u64{0};
  control()[layout::kControlTenantTableStart] = layout::kControlTenantMasks;
  for (u32 p = 0; p <= layout::kPriorityCount; ++p) {
    view_.partition_offset[p] = ring.partition_offset(p);
    control()[layout::kControlPartitionOffsets + p] = ring.partition_offset(p);
  }
  for (u32 p = 0; p < layout::kPriorityCount; ++p) {
    shared().head[p] = first_sequence;
    shared().seen_bell[p] = layout::MakeBell(first_sequence, 0);
  }
  for (device::SlotState& state : slot_states()) state.completed = first_sequence;
}

void MegakernelMemory::PrepareLaunch(bool run_once) {
  launch() = {};
  launch().running = view_.workgroup_count;
  view_.run_once = run_once ? 1 : 0;
}

}  // namespace penstock
