// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/emu/emulator_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock {
namespace {

constexpr int kReadyMs = 60'000;

absl::Status EmulatorError(const std::string& what) {
  return MakeError(absl::StatusCode::kUnavailable, What(absl::StrCat("the emulator ", what)),
                   Fix("read what it wrote to standard error, above"));
}

[[noreturn]] void BecomeEmulator(const EmulatorProcess::Command& command, const SharedArena& arena, int in, int out) {
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  const std::string file = std::to_string(arena.file());
  const std::string address = std::to_string(arena.address());
  const std::string bytes = std::to_string(SharedArena::kBytes);
  execlp(command.python.c_str(), command.python.c_str(), command.program.c_str(), command.code_object.c_str(), file.c_str(),
         address.c_str(), bytes.c_str(), nullptr);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmulatorProcess>> EmulatorProcess::Start(const Command& command, const SharedArena& arena) {
  signal(SIGPIPE, SIG_IGN);  // a write to an emulator that has ended is an error like others
  int to_child[2];
  int from_child[2];
  PENSTOCK_CHECK(pipe2(to_child, O_CLOEXEC) == 0 && pipe2(from_child, O_CLOEXEC) == 0);
  const pid_t child = fork();
  PENSTOCK_CHECK(child >= 0);
  if (child == 0) BecomeEmulator(command, arena, to_child[0], from_child[1]);
  close(to_child[0]);
  close(from_child[1]);
  auto process = std::unique_ptr<EmulatorProcess>(new EmulatorProcess(child, to_child[1], from_child[0]));
  PENSTOCK_ASSIGN_OR_RETURN(const auto line, process->ReadLine(kReadyMs));
  if (line != "ready") return EmulatorError("was not ready in time");
  return process;
}

EmulatorProcess::~EmulatorProcess() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  close(in_);
  close(out_);
}

absl::Status EmulatorProcess::Run(u64 argument) {
  const std::string line = absl::StrCat(argument, "\n");
  const bool written = write(in_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  return written ? absl::OkStatus() : EmulatorError("has ended");
}

absl::StatusOr<bool> EmulatorProcess::HasLeft() {
  PENSTOCK_ASSIGN_OR_RETURN(const auto line, ReadLine(0));
  if (!line.has_value()) return false;
  if (*line != "left") return EmulatorError(*line);
  return true;
}

absl::StatusOr<std::optional<std::string>> EmulatorProcess::ReadLine(int timeout_ms) {
  pollfd ready = {out_, POLLIN, 0};
  while (unread_.find('\n') == std::string::npos) {
    if (poll(&ready, 1, timeout_ms) <= 0) return std::nullopt;
    char bytes[256];
    const ssize_t count = read(out_, bytes, sizeof(bytes));
    if (count <= 0) return EmulatorError("has ended");
    unread_.append(bytes, static_cast<size_t>(count));
  }
  const size_t end = unread_.find('\n');
  std::string line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return line;
}

}  // namespace penstock
