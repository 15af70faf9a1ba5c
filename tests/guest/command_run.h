// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A command, as a user types it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace penstock::guest {

struct CommandOutcome {
  int exit_status = -1;
  std::string text;     // what it printed
  nlohmann::json json;  // the same, if it is JSON
};

/// Runs a line of the shell to its end.
CommandOutcome RunCommand(const std::string& line);

}  // namespace penstock::guest
