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
#include "penstock/layout/buffer_table.h"
#include "penstock/layout/control.h"
#include "penstock/layout/debug_log.h"
#include "penstock/live_ring.h"

namespace penstock {

/// Sizes of a device, fixed when it is made. Everything is allocated then.
struct DeviceOptions {
  u32 workgroups = 1;
  LiveRing::Options ring;  // argument_count is filled in
  u32 user_words = 1024;   // the window of the word opcodes
  u32 max_buffers = 64;    // at most layout::kMaxBuffers
  u32 debug_log_records = layout::kDebugLogCapacity;
  absl::Duration slot_limit = absl::Seconds(30);            // how long a deferred slot (YIELD, a batch fence) may wait
  absl::Duration mirror_interval = absl::Milliseconds(10);  // how often counters, heartbeat and user words reach the host
};

/// A tenant's rights: see layout::PermissionBit. Tenant 0 begins with kPermitAllButShutdown, the others with nothing.
struct TenantRights {
  u32 tenant = 0;                 // below layout::kTenantCount
  u32 permitted = 0;              // permission bits
  u32 quota_slots_per_epoch = 0;  // 0: no limit
};

/// Threads: one thread at a time, the one that also uses ring(). The const functions may be called by any thread.
class Device {
 public:
  virtual ~Device() = default;

  virtual std::string name() const = 0;
  virtual u32 workgroups() const = 0;
  virtual LiveRing& ring() = 0;
  virtual const LiveRing& ring() const = 0;

  /// Makes `memory` reachable for slots, under the handle that is returned. The memory is borrowed until the device is gone.
  /// `rights`: layout::kBufferRead, kBufferWrite. Errors: FailedPrecondition while running; ResourceExhausted; InvalidArgument.
  virtual absl::StatusOr<u32> RegisterBuffer(absl::Span<std::byte> memory, u32 rights) = 0;
  /// The same for memory that the device has already, at this address of its own: nothing is pinned or mapped for it.
  virtual absl::StatusOr<u32> RegisterDeviceMemory(u64 device_address, u64 length_bytes, u32 rights) = 0;
  /// Makes the memory of a dma-buf, a window's for one, reachable for the device for as long as that lives; the address of its
  /// first byte there. Nothing: the device finds it where the CPU has it mapped. The descriptor may be closed afterwards.
  /// Requires: not running. Errors: Unavailable; Unimplemented.
  virtual absl::StatusOr<std::optional<u64>> ImportDmaBuf(int /*dma_buf*/, u64 /*bytes*/) { return std::nullopt; }
  /// Keeps memory that was registered, which nobody else will keep, until the device is gone.
  virtual void Keep(std::shared_ptr<const void> memory) = 0;
  /// Copies an automaton's table (layout/automaton.h) to the device, after checking every word of it. Errors: as RegisterBuffer.
  virtual absl::StatusOr<u32> RegisterAutomaton(absl::Span<const u32> table) = 0;

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
