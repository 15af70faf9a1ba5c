// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the megakernel works on: the parts that are shared across the bus, and its own state in device memory.
//
// Nothing in device memory is touched by the host while the kernel runs. Every word of it is shared between workgroups with
// atomics at device scope, or has one workgroup as its writer.
#pragma once

#include "penstock/device/deferred_queue.h"
#include "penstock/device/io_state.h"
#include "penstock/layout/atomic.h"
#include "penstock/layout/buffer_table.h"
#include "penstock/layout/control.h"
#include "penstock/layout/doorbell.h"
#include "penstock/layout/resource_table.h"
#include "penstock/layout/slot.h"
#include "penstock/layout/slot_times.h"
#include "penstock/layout/target.h"

namespace penstock::device {

/// What begins anew at every launch. Each word that changes at its own pace has its own cache line.
struct LaunchState {
  alignas(layout::kLineBytes) u32 seen_shutdown;  // by a poller at the doorbell, or a SHUTDOWN slot was run
  u32 seen_doorbell;                              // 1 once the doorbell has been read
  alignas(layout::kLineBytes) u32 poller;         // 1 while a workgroup is the one that looks at the doorbell
  alignas(layout::kLineBytes) u32 log_lock;       // 1 while a workgroup appends to the debug log
  alignas(layout::kLineBytes) u32 running;        // workgroups that have not left the loop
  alignas(layout::kLineBytes) u64 begin_ticks;    // when workgroup 0 began; 0: not yet
  u64 next_mirror_ticks;                          // when the poller has the counters mirrored; kNever while it is done
};
inline constexpr u64 kNever = ~u64{0};

/// Arbitration between workgroups.
struct SharedState {
  // Published slots that nobody has claimed, by sub-ring. The poller adds what it sees at the doorbell, a claim takes one; below
  // zero for a moment, until claims that came too late have taken back what they took.
  alignas(layout::kLineBytes) u32 unclaimed[layout::kPriorityCount];
  u32 resumable;  // the same for requests of the kernel that have ended, and whose ends nobody has collected

  // Slots claimed so far, by sub-ring: never more than were added above.
  alignas(layout::kLineBytes) u32 head[layout::kPriorityCount];

  // What was last seen at the doorbell, for the next poller. Writer: the poller.
  alignas(layout::kLineBytes) u64 seen_bell[layout::kPriorityCount];
  u32 seen_epoch;
  u64 io_service;  // layout::IoServiceState as last seen. Writer: the poller

  alignas(layout::kLineBytes) u32 waiting;  // slots that wait for I/O

  // A copy of the host's tenant table, made when the doorbell's epoch changes: mask in the low word, quota in the high word.
  alignas(layout::kLineBytes) u64 tenant_rights[layout::kTenantCount];
  u64 tenant_used[layout::kTenantCount];  // epoch in the high word, slots of that epoch in the low word; quota tenants only
};

/// Device-side state of one slot.
struct SlotState {
  u32 completed;  // sequence number after the last one that this slot completed
  u32 reserved;
  u64 deferred_since_ticks;  // 0: not deferred. Only the workgroup that holds the slot touches it.
};

/// Called after the slot's DONE or FAULT can be seen. By then the host may have published over the slot, and another workgroup
/// may have completed it again: what it has recorded must not be taken back, or a fence would wait for ever.
PENSTOCK_HOST_DEVICE inline void MarkCompleted(SlotState& state, u32 sequence) {
  u32 recorded = layout::LoadRelaxed<layout::Scope::kDevice>(&state.completed);
  while (static_cast<i32>(sequence + 1 - recorded) > 0) {
    if (layout::CompareExchange<layout::Scope::kDevice>(&state.completed, recorded, sequence + 1)) return;
  }
}

/// Whether the slot has completed `sequence`. Pairs with MarkCompleted: who sees it comes after the slot's DONE or FAULT.
PENSTOCK_HOST_DEVICE inline bool HasCompleted(const SlotState& state, u32 sequence) {
  return static_cast<i32>(layout::LoadAcquire<layout::Scope::kDevice>(&state.completed) - (sequence + 1)) >= 0;
}

/// One workgroup's own state. Writer: that workgroup.
struct WorkgroupState {
  layout::Counters counters;
  alignas(layout::kLineBytes) u32 busy_slot;  // index of the slot in hand, plus one; 0: between slots
  u32 busy_opcode;                            // its opcode
  u64 busy_since_ticks;                       // when it was admitted
};

/// Where everything is that has to do with requests of the kernel.
struct IoView {
  // Across the bus, in host memory.
  layout::LiveIoQueue* queues;
  const u64* bells;
  layout::IoAlarm* alarm;

  // In device memory.
  IoQueueState* states;
  IoEntry* entries;  // by queue and slot
  WaitState* waits;  // by ring slot
  const layout::ResourceRow* resources;
  ResourceState* resource_states;

  u32 queue_count;  // 0: the device has none
  u32 resource_count;
};

/// The kernel's one argument, passed by value: where everything is.
struct DeviceView {
  // Across the bus, in host memory.
  layout::Slot* slots;
  const layout::Doorbell* doorbell;
  u32* control;
  layout::Counters* counters;  // the sum of the workgroups' counters
  u32* debug_log;
  layout::SlotTimes* slot_times;  // by slot index; null: nobody wants them

  // In device memory.
  LaunchState* launch;
  SharedState* shared;
  SlotState* slot_states;
  WorkgroupState* workgroups;
  DeferredQueue deferred;
  u32* user_words;
  const layout::BufferRow* buffers;

  IoView io;

  u32 partition_offset[layout::kPriorityCount + 1];  // slot index at which each sub-ring starts; sizes are powers of two
  u32 workgroup_count;
  u32 user_word_count;
  u32 control_word_count;
  u32 buffer_count;
  u32 debug_log_capacity;
  u32 run_once;          // not 0: leave when nothing is published any more
  u64 slot_limit_ticks;  // how long a deferred slot, or one that waits for I/O, may go on waiting in one launch
  u64 mirror_interval_ticks;

  PENSTOCK_HOST_DEVICE u32 SlotIndex(u32 priority, u32 sequence) const {
    const u32 size = partition_offset[priority + 1] - partition_offset[priority];
    return partition_offset[priority] + (sequence & (size - 1));
  }

  /// How much of a wait from `since` to `now` this launch was there for: before it nothing could be taken further.
  PENSTOCK_HOST_DEVICE u64 TicksWaited(u64 since, u64 now) const {
    const u64 begin = layout::LoadRelaxed<layout::Scope::kDevice>(&launch->begin_ticks);
    const u64 from = since > begin ? since : begin;
    return begin != 0 && now > from ? now - from : 0;
  }
};

}  // namespace penstock::device
