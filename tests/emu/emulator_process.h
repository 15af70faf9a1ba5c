// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The emulator, as a child process: it is told where the kernel's argument lies, and tells when the kernel has left.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "tests/emu/shared_arena.h"

namespace penstock {

/// Threads: one at a time.
class EmulatorProcess {
 public:
  struct Command {
    std::string python;
    std::string program;
    std::string code_object;
  };

  /// Starts it, and waits until it is ready. Errors: Unavailable.
  static absl::StatusOr<std::unique_ptr<EmulatorProcess>> Start(const Command& command, const SharedArena& arena);
  /// Kills it.
  ~EmulatorProcess();
  EmulatorProcess(const EmulatorProcess&) = delete;
  EmulatorProcess& operator=(const EmulatorProcess&) = delete;

  /// Begins to run the kernel. `argument`: where in the arena its argument lies. Errors: Unavailable.
  absl::Status Run(u64 argument);
  /// Whether it has left. Never waits. Errors: Unavailable: the emulator gave up, or has ended.
  absl::StatusOr<bool> HasLeft();

 private:
  EmulatorProcess(pid_t child, int in, int out) : child_(child), in_(in), out_(out) {}
  /// The next line that it wrote, or nothing yet. Errors: Unavailable.
  absl::StatusOr<std::optional<std::string>> ReadLine(int timeout_ms);

  const pid_t child_;
  const int in_;
  const int out_;
  std::string unread_;
};

}  // namespace penstock
