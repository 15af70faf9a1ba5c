// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/standard_output.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "benchmarks/cli/write_all.h"
#include "penstock/error.h"

namespace penstock::cli {

absl::Status WriteToStandardOutput(absl::string_view text) {
  const int error_number = WriteAll(STDOUT_FILENO, text);
  if (error_number == 0) return absl::OkStatus();
  return MakeErrnoError(absl::StatusCode::kFailedPrecondition, error_number, What("cannot write to standard output"),
                        Fix("make room where it goes, or send it elsewhere"));
}

int Print(absl::string_view text) {
  const absl::Status status = WriteToStandardOutput(text);
  if (!status.ok()) absl::FPrintF(stderr, "penstock: %s\n", std::string(status.message()));
  return status.ok() ? 0 : 1;
}

}  // namespace penstock::cli
