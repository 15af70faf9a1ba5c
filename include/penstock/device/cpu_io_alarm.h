// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a device that runs on the host's CPUs wakes an I/O service that sleeps.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

#include "penstock/layout/atomic.h"
#include "penstock/layout/live_io.h"

namespace penstock::device {

/// To be called after a ticket's cell was stored. Costs a barrier and a load while nobody sleeps, else a system call. The futex
/// is not a private one: a requester of another process that maps the memory may ring, too. Threads: any.
///
/// The barrier pairs with the one in IoSleep: either the cell is seen by the service's last look, or its sleeping is seen here.
inline void RingIoAlarm(layout::IoAlarm& alarm) {
  using layout::Scope;
  __sync_synchronize();
  if (layout::LoadRelaxed<Scope::kSystem>(&alarm.sleepers) == 0) return;
  // At device scope, because only the host's CPUs ring.
  layout::FetchAdd<Scope::kDevice>(&alarm.rings, 1u);
  syscall(SYS_futex, &alarm.rings, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

/// To be called after bells were rung. Wakes every workgroup that waits, with one system call if there is any. Threads: any.
inline void RingDevice(layout::IoAlarm& alarm) {
  // Both orders are of one total order with those in WaitForIo: either the new count is seen there, or the sleeper here.
  layout::FetchAdd<layout::Scope::kDevice>(&alarm.device_rings, 1u);
  __sync_synchronize();
  if (layout::LoadRelaxed<layout::Scope::kSystem>(&alarm.device_sleepers) == 0) return;
  syscall(SYS_futex, &alarm.device_rings, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

/// Sleeps until the device is rung for, at most `time`; not at all if it was since `seen` was read. Returns the count to see
/// next.
inline u32 WaitForIo(layout::IoAlarm& alarm, u32 seen, const timespec& time) {
  layout::FetchAdd<layout::Scope::kDevice>(&alarm.device_sleepers, 1u);
  __sync_synchronize();
  syscall(SYS_futex, &alarm.device_rings, FUTEX_WAIT, seen, &time, nullptr, 0);
  layout::FetchAdd<layout::Scope::kDevice>(&alarm.device_sleepers, ~0u);
  return layout::LoadAcquire<layout::Scope::kSystem>(&alarm.device_rings);
}

}  // namespace penstock::device
