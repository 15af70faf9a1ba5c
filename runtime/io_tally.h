// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The counts of one serving thread, which others read meanwhile.
#pragma once

#include <atomic>

#include "penstock/io_service.h"

namespace penstock {

/// A count with one writer: a plain addition. Only counts: no partner.
class IoCount {
 public:
  void Add(uint64_t more) { value_.store(value() + more, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// As IoServiceCounts. Threads: one adds, any read.
struct IoTally {
  struct Path {
    IoCount requests;
    IoCount bytes;
    IoCount failed;
    IoCount resubmitted;
    IoCount bounce_bytes;
    IoCount commands;

    void AddTo(IoServiceCounts::Path& sums) const {
      sums.requests += requests.value();
      sums.bytes += bytes.value();
      sums.failed += failed.value();
      sums.resubmitted += resubmitted.value();
      sums.bounce_bytes += bounce_bytes.value();
      sums.commands += commands.value();
    }
  };

  IoCount requests;
  IoCount fences;
  IoCount bytes;
  std::array<IoCount, std::tuple_size_v<decltype(IoServiceCounts::ended)>> ended;
  std::array<Path, kReadPaths.size()> paths;
  IoCount protocol_errors;
  IoCount batches;
  IoCount sleeps;
  IoCount service_ns;
  IoCount transfer_ns;

  void AddTo(IoServiceCounts& sums) const {
    sums.requests += requests.value();
    sums.fences += fences.value();
    sums.bytes += bytes.value();
    for (size_t i = 0; i < ended.size(); ++i) sums.ended[i] += ended[i].value();
    for (size_t i = 0; i < paths.size(); ++i) paths[i].AddTo(sums.paths[i]);
    sums.protocol_errors += protocol_errors.value();
    sums.batches += batches.value();
    sums.sleeps += sleeps.value();
    sums.service_ns += service_ns.value();
    sums.transfer_ns += transfer_ns.value();
  }
};

}  // namespace penstock
