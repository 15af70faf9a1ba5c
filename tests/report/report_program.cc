// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `penstock report` without the rest of penstock, for tests of what it writes.
#include <string>
#include <vector>

#include "benchmarks/report/report_command.h"

int main(int argc, char** argv) { return penstock::report::RunReportCommand(std::vector<std::string>(argv + 1, argv + argc)); }
