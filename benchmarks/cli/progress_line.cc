// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/progress_line.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/cli/byte_size.h"
#include "penstock/clock.h"

namespace penstock::cli {

std::string FormatProgress(uint64_t bytes, uint64_t total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(bytes) / seconds : 0;
  const std::string done = FormatBytes(static_cast<double>(bytes));
  const std::string speed = absl::StrCat(FormatBytes(rate), "/s");
  if (total == 0 || bytes > total) return absl::StrCat(done, ", ", speed);
  const double share = 100 * static_cast<double>(bytes) / static_cast<double>(total);
  std::string line = absl::StrFormat("%s of %s, %.0f %%, %s", done, FormatBytes(static_cast<double>(total)), share, speed);
  if (rate > 0) absl::StrAppendFormat(&line, ", %.0f s left", static_cast<double>(total - bytes) / rate);
  return line;
}

ProgressLine::ProgressLine(uint64_t total) : total_(total), start_ns_(MonotonicNs()), shown_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::Update(uint64_t bytes) {
  if (!shown_) return;
  const double seconds = static_cast<double>(MonotonicNs() - start_ns_) * 1e-9;
  absl::FPrintF(stderr, "\r\033[K%s", FormatProgress(bytes, total_, seconds));
  std::fflush(stderr);
}

void ProgressLine::Clear() {
  if (shown_) absl::FPrintF(stderr, "\r\033[K");
}

}  // namespace penstock::cli
