// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/live_line.h"

#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/bench/result_file.h"
#include "benchmarks/cli/byte_size.h"

namespace penstock::bench {

std::string FormatLive(const Job& job, const LiveStatus& live) {
  const std::string what =
      absl::StrFormat("%s %s %s depth %d", std::string(ReadPathName(job.path)), AccessName(job), BlockName(job), job.iodepth);
  if (!live.is_measured) return absl::StrCat(what, ": warming up");
  return absl::StrFormat("%s: %.0f IOPS, %s/s, p99 %s, %.0f s left", what, live.reads_per_second,
                         cli::FormatBytes(live.bytes_per_second), FormatNs(static_cast<double>(live.p99_ns)), live.seconds_left);
}

LiveLine::LiveLine() : shown_(isatty(STDERR_FILENO) != 0) {}

void LiveLine::Update(const Job& job, const LiveStatus& live) {
  if (!shown_) return;
  absl::FPrintF(stderr, "\r\033[K%s", FormatLive(job, live));
  std::fflush(stderr);
}

void LiveLine::Clear() {
  if (shown_) absl::FPrintF(stderr, "\r\033[K");
}

}  // namespace penstock::bench
