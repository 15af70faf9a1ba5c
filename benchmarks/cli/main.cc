// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The `penstock` command.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "benchmarks/bench/bench_command.h"
#include "benchmarks/cli/command_line.h"
#include "benchmarks/cli/ingest_command.h"
#include "benchmarks/cli/one_line.h"
#include "benchmarks/cli/probe_command.h"
#include "benchmarks/cli/standard_output.h"
#include "benchmarks/cli/window_command.h"
#include "benchmarks/report/report_command.h"

int main(int argc, char** argv) {
  using namespace penstock::cli;
  // These two have options of their own; those of bench are in job files too.
  if (argc > 1 && std::string(argv[1]) == "bench")
    return penstock::bench::RunBench(std::vector<std::string>(argv + 2, argv + argc));
  if (argc > 1 && std::string(argv[1]) == "report") {
    return penstock::report::RunReportCommand(std::vector<std::string>(argv + 2, argv + argc));
  }
  const absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  if (!line.ok()) {
    absl::FPrintF(stderr, "penstock: %s\n", OneLine(line.status().message()));
    return 2;
  }
  if (line->help) return Print(HelpText());
  if (line->version) return Print("penstock " PENSTOCK_VERSION "\n");
  switch (line->command) {
    case Command::kProbe: return RunProbe(*line);
    case Command::kWindow: return RunWindow(*line);
    case Command::kIngest: break;
  }
  return RunIngest(*line);
}
