// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/live_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/bench/result_file.h"
#include "benchmarks/cli/byte_size.h"

namespace penstock::bench {
namespace {

/// Of the terminal that is stderr, at this moment: it may be made smaller while a job runs. 0: it does not say.
size_t TerminalColumns() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size_t{size.ws_col} : 0;
}

}  // namespace

std::string FormatLive(const Job& job, const LiveStatus& live) {
  const std::string what =
      absl::StrFormat("%s %s %s depth %d", std::string(ReadPathName(job.path)), AccessName(job), BlockName(job), job.iodepth);
  if (!live.is_measured) return absl::StrCat(what, ": warming up");
  return absl::StrFormat("%s: %.0f IOPS, %s/s, p99 %s, %.0f s left", what, live.reads_per_second,
                         cli::FormatBytes(live.bytes_per_second), FormatNs(static_cast<double>(live.p99_ns)), live.seconds_left);
}

std::string CutTo(std::string line, size_t columns) {
  if (columns != 0) line.resize(std::min(line.size(), columns));
  return line;
}

LiveLine::LiveLine() : shown_(isatty(STDERR_FILENO) != 0) {}

void LiveLine::Update(const Job& job, const LiveStatus& live) {
  if (!shown_) return;
  absl::FPrintF(stderr, "\r\033[K%s", CutTo(FormatLive(job, live), TerminalColumns()));
  std::fflush(stderr);
}

void LiveLine::Clear() {
  if (shown_) absl::FPrintF(stderr, "\r\033[K");
}

}  // namespace penstock::bench
