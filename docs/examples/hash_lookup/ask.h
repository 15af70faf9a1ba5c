// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The host's part of the lookups: makes the cache, serves the kernel's reads, publishes the keys.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lookup.h"
#include "penstock/device.h"
#include "penstock/io_service.h"

namespace hash_lookup {

/// Puts the cache's lines where the device can change them by compare-and-swap, and makes them known to it: a buffer's handle.
using LineKeeper = std::function<absl::StatusOr<u32>(penstock::Device& device, const std::vector<CacheLine>& lines)>;

/// In this host's memory: for the CPU device. Errors: as Device::RegisterBuffer.
absl::StatusOr<u32> KeepLinesOnHost(penstock::Device& device, const std::vector<CacheLine>& lines);

struct AskOptions {
  std::string table;
  u32 cache_buckets = 0;
  LineKeeper keep_lines = KeepLinesOnHost;
};

struct Answers {
  std::vector<u64> values;  // in the keys' order; kNotFound where there is none
  u32 count[kCountWords] = {};
  penstock::IoServiceCounts service;
  double seconds = 0;  // from the first key published to the last answer
};

/// Asks for every key, with as many lookups in flight as the ring has slots. The device runs hash_lookup::Program, has I/O queues
/// and is not running yet; afterwards it has stopped, and its buffers are of no more use: it is to be destroyed.
/// Errors: those of the volume and the service; the first lookup that ended as FAULT. Threads: the device's.
absl::StatusOr<Answers> Ask(penstock::Device& device, const AskOptions& options, absl::Span<const u64> keys);

}  // namespace hash_lookup
