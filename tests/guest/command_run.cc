// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/command_run.h"

#include <stdio.h>
#include <sys/wait.h>

namespace penstock::guest {

CommandOutcome RunCommand(const std::string& line) {
  FILE* const pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return {};
  CommandOutcome outcome;
  char part[4096];
  for (size_t got = 0; (got = fread(part, 1, sizeof(part), pipe)) > 0;) outcome.text.append(part, got);
  const int status = pclose(pipe);
  outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.json = nlohmann::json::parse(outcome.text, nullptr, /*allow_exceptions=*/false);
  return outcome;
}

}  // namespace penstock::guest
