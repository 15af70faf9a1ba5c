// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What runs the megakernel, as the host sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "penstock/export.h"
#include "penstock/layout/buffer_table.h"
#include "penstock/layout/control.h"
#include "penstock/layout/debug_log.h"
#include "penstock/layout/resource_table.h"
#include "penstock/live_io_queues.h"
#include "penstock/live_ring.h"

namespace PENSTOCK_API penstock {

/// Sizes of a device, fixed when it is made. Everything is allocated then.
struct DeviceOptions {
  u32 workgroups = 1;                                 // at least 1; on a GPU see HipDeviceOptions
  LiveRing::Options ring;                             // argument_count is filled in
  u32 user_words = 1024;                              // the window of the word opcodes
  u32 max_buffers = 64;                               // at most layout::kMaxBuffers
  u32 debug_log_records = layout::kDebugLogCapacity;  // at least 1; records past it are counted and dropped
  u32 io_queues = 0;        // of 64 requests each, for kernels that ask for bytes themselves; at most layout::kMaxIoQueues
  u32 max_resources = 0;    // of LOAD_MISS; needs io_queues
  bool slot_times = false;  // Completion::times: two writes across the bus a slot
  absl::Duration slot_limit = absl::Seconds(30);            // how long a deferred slot (YIELD, a batch fence, I/O) may wait
  absl::Duration mirror_interval = absl::Milliseconds(10);  // how often counters, heartbeat and user words reach the host
};

/// A tenant's rights: see layout::PermissionBit. Tenant 0 begins with kPermitAllButShutdown, the others with nothing.
struct TenantRights {
  u32 tenant = 0;                 // below layout::kTenantCount
  u32 permitted = 0;              // permission bits
  u32 quota_slots_per_epoch = 0;  // 0: no limit
};

/// The clock of Completion::times.
struct SlotClock {
  u64 ticks_per_second = 0;  // of the counter that the device notes times by
  bool is_hosts = false;     // a tick is a nanosecond of the host's monotonic clock
};

/// Threads: one thread at a time, the one that also uses ring(). The const functions may be called by any thread.
class Device {
 public:
  virtual ~Device() = default;

  /// "cpu", or "hip:N" with name and architecture of the GPU in brackets.
  virtual std::string name() const = 0;
  /// How many run.
  virtual u32 workgroups() const = 0;
  /// The ring that the megakernel reads. Lives as long as the device.
  virtual LiveRing& ring() = 0;
  /// The same, to look at.
  virtual const LiveRing& ring() const = 0;
  /// What Completion::times are counted in.
  virtual SlotClock slot_clock() const = 0;

  /// The queues of DeviceOptions::io_queues, for an IoService. They live as long as the device.
  virtual LiveIoQueues io_queues() = 0;

  /// Makes `memory` reachable for slots, under the handle that is returned. The memory is borrowed until the device is gone,
  /// and for good if Stop has said that a handler hangs.
  /// `rights`: layout::kBufferRead, kBufferWrite. Errors: FailedPrecondition while running; ResourceExhausted; InvalidArgument.
  virtual absl::StatusOr<u32> RegisterBuffer(absl::Span<std::byte> memory, u32 rights) = 0;
  /// The same for memory that the device has already, at this address of its own: nothing is pinned or mapped for it.
  virtual absl::StatusOr<u32> RegisterDeviceMemory(u64 device_address, u64 length_bytes, u32 rights) = 0;
  /// Makes the memory of a dma-buf, a window's for one, reachable for the device for as long as that lives; the address of its
  /// first byte there. Nothing: the device finds it where the CPU has it mapped. The descriptor may be closed afterwards.
  /// Requires: not running. Errors: Unavailable; Unimplemented.
  virtual absl::StatusOr<std::optional<u64>> ImportDmaBuf(int /*dma_buf*/, u64 /*bytes*/) { return std::nullopt; }
  /// Keeps memory that was registered, which nobody else will keep, until the device is gone, and any handler that hangs in it.
  virtual void Keep(std::shared_ptr<const void> memory) = 0;
  /// Copies an automaton's table (layout/automaton.h) to the device, after checking every word of it. Errors: as RegisterBuffer.
  virtual absl::StatusOr<u32> RegisterAutomaton(absl::Span<const u32> table) = 0;

  /// Fills in resource `id` of LOAD_MISS: where its bytes are, and where they are to go, by handles of the I/O service.
  /// Requires: the host has ended every request of a load of it, those that the kernel has given up on among them. Errors:
  /// FailedPrecondition while running; OutOfRange for an id that is not below DeviceOptions::max_resources.
  virtual absl::Status SetResource(u32 id, const layout::ResourceRow& resource) = 0;

  /// Makes what others have written into the device's memory over the bus, which is complete, visible to slots that are published
  /// from now on. Once for many writes; may cost a round trip over the bus. Does nothing where nothing lies between.
  virtual void FlushPeerWrites() {}

  /// Sets a tenant's rights and begins a new epoch; also while running. Errors: InvalidArgument.
  virtual absl::Status SetTenant(const TenantRights& rights) = 0;
  /// Begins a new epoch: every tenant gets its quota again.
  virtual void BeginEpoch() = 0;

  /// Launches the megakernel; it stays until Stop. Errors: FailedPrecondition when it runs already; Unavailable.
  virtual absl::Status Start() = 0;
  /// Launches it to run what is published and leave. Errors: as Start; DeadlineExceeded: as Stop.
  virtual absl::Status RunOnce(absl::Duration timeout) = 0;
  /// Tells the megakernel to leave after the slots in hand, and waits for that. Published slots that were not begun stay
  /// published and run after the next Start. Errors: DeadlineExceeded, naming each handler that hangs, its slot, and for how long
  /// at least: the device is then of no more use, and its memory is given up only when the handler returns.
  virtual absl::Status Stop(absl::Duration timeout) = 0;
  /// Between Start and a Stop that succeeded.
  virtual bool running() const = 0;
  /// OK unless the device is lost: then why, and every slot that was in flight has ended as FAULT kDeviceLost. Makes no wait; at
  /// most a system call or two. Errors: Unavailable: open a new device.
  virtual absl::Status Check() = 0;

  /// The counters as they were mirrored last: at most mirror_interval ago while a workgroup is free, exact after Stop.
  virtual layout::Counters counters() const = 0;
  /// A word of the control block: see layout/control.h. Requires: within the block.
  virtual u32 control_word(u32 index) const = 0;
  /// Complete records of the debug log, oldest first.
  virtual std::vector<layout::DebugRecord> debug_log() const = 0;
};

}  // namespace penstock
