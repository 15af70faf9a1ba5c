// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a host and a volume can take, as plain data: what is refused because of it can be tested without the host.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "benchmarks/bench/job.h"
#include "penstock/host_facts.h"
#include "penstock/nvme.h"
#include "penstock/read_path.h"
#include "penstock/volume.h"

namespace penstock::bench {

struct ProcessorFacts {
  std::vector<uint32_t> present;
  std::vector<uint32_t> online;
  std::vector<uint32_t> allowed;  // where this process may run: cpusets, taskset
  std::vector<uint32_t> nodes;    // of memory, online; empty where the kernel knows none
};

struct HostLimits {
  std::optional<uint64_t> locked_bytes;  // MemoryFacts::locked_limit_bytes; nothing: no limit
  uint64_t free_huge_pages = 0;
  ProcessorFacts processors;
  bool is_built_with_hip = false;
  std::optional<uint32_t> gpu_count;  // nothing: it was not asked for
};

struct VolumeFacts {
  std::string name;
  uint64_t size_bytes = 0;
  uint32_t block_bytes = 1;
  std::array<PathSupport, kReadPaths.size()> supports;  // by path; descriptors are only compared with -1
  std::optional<NvmeNamespace> nvme;

  const PathSupport& support(ReadPath path) const { return supports[static_cast<size_t>(path)]; }
};

/// Looks into sysfs and asks the kernel where this process may run. What cannot be read is empty, and nothing is refused for it.
/// Threads: any.
ProcessorFacts ReadProcessorFacts(const HostRoots& roots = {});

/// `gpu_count` stays empty. Threads: any.
HostLimits LimitsOf(const HostFacts& host, ProcessorFacts processors);

VolumeFacts FactsOf(const Volume& volume);

/// Of every volume that the runs read, by the name that they give it; each is opened once, and closed again. Errors: those of
/// Volume::Open.
absl::StatusOr<std::map<std::string, VolumeFacts>> ReadVolumeFacts(absl::Span<const Job> runs);

/// "0-3,8" of numbers in ascending order; "none" of none.
std::string RangesOf(const std::vector<uint32_t>& numbers);

}  // namespace penstock::bench
