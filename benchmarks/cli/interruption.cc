// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/interruption.h"

#include <signal.h>

#include <initializer_list>

namespace penstock::cli {
namespace {

std::atomic<bool> interrupted = false;

void HandleSignal(int number) {
  interrupted.store(true, std::memory_order_relaxed);
  signal(number, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& WatchForInterruption() {
  struct sigaction action = {};
  action.sa_handler = HandleSignal;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction earlier = {};
    sigaction(number, nullptr, &earlier);
    if (earlier.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
  return interrupted;
}

}  // namespace penstock::cli
