// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/standard_output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "penstock/error.h"

namespace penstock::cli {

absl::Status WriteToStandardOutput(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return MakeErrnoError(absl::StatusCode::kFailedPrecondition, errno, What("cannot write to standard output"),
                            Fix("make room where it goes, or send it elsewhere"));
    }
    text.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

int Print(std::string_view text) {
  const absl::Status status = WriteToStandardOutput(text);
  if (!status.ok()) absl::FPrintF(stderr, "penstock: %s\n", std::string(status.message()));
  return status.ok() ? 0 : 1;
}

}  // namespace penstock::cli
