// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A run that goes on while something happens to its disks.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/guest/ingest_run.h"

namespace penstock::guest {

/// What a load reads of each disk. Into a BAR QEMU reads a page at a time, and each counts for a disk's reads a second.
inline std::optional<uint64_t> LengthBy(ReadPath path) {
  return path == ReadPath::kBar ? std::optional<uint64_t>(2 << 20) : std::nullopt;
}

/// Under path bar QEMU 7.2 has one buffer for all reads into a BAR, and stands still for good if the controller is reset while
/// one of several reads waits for it.
inline uint32_t DepthBy(ReadPath path) { return path == ReadPath::kBar ? 1 : 16; }

inline uint32_t CrcBy(ReadPath path, const Disk& disk) {
  const std::optional<uint64_t> length = LengthBy(path);
  return length.has_value() ? disk.content.Crc32c(0, *length) : disk.crc32c;
}

/// A run on a thread of its own, of which is known how far it has come.
class Load {
 public:
  using Run = absl::StatusOr<IngestReport> (*)(const std::vector<std::string>&, const IngestOptions&);

  /// `run`: IngestCrc32c or PullCrc32c.
  Load(Run run, std::vector<std::string> sources, IngestOptions options) {
    options.length_bytes = LengthBy(*options.path);
    options.progress = [this](uint64_t bytes) { folded_ = bytes; };
    thread_ = std::thread([this, run, sources = std::move(sources), options] {
      report_ = run(sources, options);
      over_ = true;
    });
  }
  ~Load() {
    if (thread_.joinable()) thread_.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  uint64_t folded() const { return folded_; }
  bool over() const { return over_; }
  const absl::StatusOr<IngestReport>& Report() {
    if (thread_.joinable()) thread_.join();
    return report_;
  }

 private:
  std::atomic<uint64_t> folded_ = 0;
  std::atomic<bool> over_ = false;
  absl::StatusOr<IngestReport> report_ = absl::UnknownError("it never came back");
  std::thread thread_;
};

}  // namespace penstock::guest
