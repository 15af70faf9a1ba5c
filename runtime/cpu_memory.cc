// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/cpu_memory.h"

#include <bit>
#include <cstring>
#include <new>

#include "penstock/layout/debug_log.h"

namespace penstock {
namespace {

size_t RoundUpToLine(size_t bytes) { return (bytes + layout::kLineBytes - 1) / layout::kLineBytes * layout::kLineBytes; }

u64 Ticks(absl::Duration duration) {
  return static_cast<u64>(absl::ToDoubleSeconds(duration) * static_cast<double>(device::Group::kTicksPerSecond));
}

}  // namespace

CpuMemory::CpuMemory(const CpuDeviceOptions& options, size_t workgroup_memory_bytes, u32 slot_count)
    : doorbell(std::make_unique<layout::Doorbell>()),
      counters(std::make_unique<layout::Counters>()),
      control(layout::kControlMinWords + options.user_words),
      debug_log(layout::DebugLogWords(options.debug_log_records)),
      shared(std::make_unique<device::SharedState>()),
      slot_states(slot_count),
      workgroups(std::make_unique<device::WorkgroupState[]>(options.workgroups)),
      buffers(options.max_buffers),
      user_words(options.user_words),
      slot_count_(slot_count),
      workgroup_memory_bytes_(RoundUpToLine(workgroup_memory_bytes)),
      slots_(std::make_unique<layout::Slot[]>(slot_count)),
      deferred_cells_(std::bit_ceil(slot_count)),
      deferred_cursors_(std::make_unique<device::DeferredQueue::Cursors>()),
      workgroup_memory_(static_cast<std::byte*>(
          ::operator new[](workgroup_memory_bytes_* options.workgroups, std::align_val_t{layout::kLineBytes}))) {
  view.workgroup_count = options.workgroups;
  view.user_word_count = options.user_words;
  view.control_word_count = static_cast<u32>(control.size());
  view.buffer_count = options.max_buffers;
  view.debug_log_capacity = options.debug_log_records;
  view.slot_limit_ticks = Ticks(options.slot_limit);
  view.mirror_interval_ticks = Ticks(options.mirror_interval);
}

void CpuMemory::Connect(const LiveRing& ring, u32 first_sequence) {
  view.slots = slots_.get();
  view.doorbell = doorbell.get();
  view.control = control.data();
  view.counters = counters.get();
  view.debug_log = debug_log.data();
  view.shared = shared.get();
  view.slot_states = slot_states.data();
  view.workgroups = workgroups.get();
  view.user_words = user_words.data();
  view.buffers = buffers.data();
  for (u32 i = 0; i < deferred_cells_.size(); ++i) deferred_cells_[i].turn = i;
  view.deferred =
      device::DeferredQueue::Over(deferred_cells_.data(), deferred_cursors_.get(), static_cast<u32>(deferred_cells_.size()));
  control[layout::kControlTenantTableStart] = layout::kControlTenantMasks;
  for (u32 p = 0; p <= layout::kPriorityCount; ++p) {
    view.partition_offset[p] = ring.partition_offset(p);
    control[layout::kControlPartitionOffsets + p] = ring.partition_offset(p);
  }
  for (u32 p = 0; p < layout::kPriorityCount; ++p) shared->head[p] = shared->seen_tail[p] = first_sequence;
  for (device::SlotState& state : slot_states) state.completed = first_sequence;
}

}  // namespace penstock
