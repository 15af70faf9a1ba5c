// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one line that a terminal shows while a run goes on.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace penstock::cli {

/// "1.46 GiB of 4.00 GiB, 37 %, 1.52 GiB/s, 2 s left". `total` 0: not known, and the share and time left are left out.
std::string FormatProgress(uint64_t bytes, uint64_t total, double seconds);

/// Writes to stderr, and only if that is a terminal.
class ProgressLine {
 public:
  explicit ProgressLine(uint64_t total);
  void Update(uint64_t bytes);
  /// Wipes the line.
  void Clear();

 private:
  const uint64_t total_;
  const uint64_t start_ns_;
  const bool shown_;
};

}  // namespace penstock::cli
