// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a command that runs for long ends: its exit statuses, and Ctrl-C.
#pragma once

#include <atomic>

namespace penstock::cli {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

/// From here on SIGINT, SIGTERM and SIGHUP set what is returned, so that the run ends in order; the second one ends the process.
/// One that was ignored until here, as by nohup or in the background of a script, is ignored further on.
/// Threads: one.
const std::atomic<bool>& WatchForInterruption();

}  // namespace penstock::cli
