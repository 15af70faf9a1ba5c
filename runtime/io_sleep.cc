// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/io_sleep.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "penstock/layout/atomic.h"

namespace penstock {

using layout::Scope;

void IoSleep(layout::IoAlarm& alarm, absl::Duration longest, absl::FunctionRef<bool()> has_work) {
  const u32 rings = layout::LoadAcquire<Scope::kSystem>(&alarm.rings);
  layout::FetchAdd<Scope::kDevice>(&alarm.sleepers, 1u);
  __sync_synchronize();  // Pairs with the one in RingIoAlarm.
  if (!has_work()) {
    const timespec time = absl::ToTimespec(longest);
    // Returns at once if the alarm was rung since it was looked at. Not a private futex: see RingIoAlarm.
    syscall(SYS_futex, &alarm.rings, FUTEX_WAIT, rings, &time, nullptr, 0);
  }
  layout::FetchAdd<Scope::kDevice>(&alarm.sleepers, ~0u);
}

}  // namespace penstock
