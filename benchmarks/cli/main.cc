// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The `penstock` command.
#include <cstdio>

#include "absl/strings/str_format.h"
#include "benchmarks/cli/command_line.h"
#include "benchmarks/cli/ingest_command.h"
#include "benchmarks/cli/probe_command.h"
#include "benchmarks/cli/window_command.h"

int main(int argc, char** argv) {
  using namespace penstock::cli;
  const absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  if (!line.ok()) {
    absl::FPrintF(stderr, "penstock: %s\n", std::string(line.status().message()));
    return 2;
  }
  if (line->help) {
    absl::PrintF("%s", HelpText());
    return 0;
  }
  if (line->version) {
    absl::PrintF("penstock %s\n", PENSTOCK_VERSION);
    return 0;
  }
  switch (line->command) {
    case Command::kProbe: return RunProbe(*line);
    case Command::kWindow: return RunWindow(*line);
    case Command::kIngest: break;
  }
  return RunIngest(*line);
}
