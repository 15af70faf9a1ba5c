// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a service that has nothing to do sleeps: until the alarm is rung (device/cpu_io_alarm.h), or for a while.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "penstock/layout/live_io.h"

namespace penstock {

/// Sleeps at most `longest`, and not at all if `has_work` after the requesters can see that somebody sleeps. Threads: any.
void IoSleep(layout::IoAlarm& alarm, absl::Duration longest, absl::FunctionRef<bool()> has_work);

}  // namespace penstock
