// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/host_limits.h"

#include <sched.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench/option_value.h"
#include "driver/sysfs_file.h"
#include "penstock/error.h"
#include "runtime/host/gpus.h"

namespace penstock::bench {
namespace {

/// What a file of sysfs lists; empty if it cannot be read or lists nothing.
std::vector<uint32_t> ListedIn(const std::string& path) {
  return NumberListOf(driver::ReadText(path).value_or("")).value_or(std::vector<uint32_t>());
}

std::vector<uint32_t> AllowedProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<uint32_t> allowed;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return allowed;  // more processors than the set has room for
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) allowed.push_back(cpu);
  }
  return allowed;
}

}  // namespace

ProcessorFacts ReadProcessorFacts(const HostRoots& roots) {
  return {.present = ListedIn(roots.sys + "/devices/system/cpu/present"),
          .online = ListedIn(roots.sys + "/devices/system/cpu/online"),
          .allowed = AllowedProcessors(),
          .nodes = ListedIn(roots.sys + "/devices/system/node/online")};
}

HostLimits LimitsOf(const HostFacts& host, ProcessorFacts processors) {
  return {.locked_bytes = host.memory.locked_limit_bytes,
          .free_huge_pages = host.memory.free_huge_pages,
          .processors = std::move(processors),
          .is_built_with_hip = host::IsBuiltWithHip(),
          .gpu_count = std::nullopt};
}

VolumeFacts FactsOf(const Volume& volume) {
  VolumeFacts facts;
  facts.name = volume.name();
  facts.size_bytes = volume.size_bytes();
  facts.block_bytes = volume.block_bytes();
  for (const ReadPath path : kReadPaths) facts.supports[static_cast<size_t>(path)] = volume.support(path);
  if (volume.nvme() != nullptr) facts.nvme = *volume.nvme();
  return facts;
}

absl::StatusOr<std::map<std::string, VolumeFacts>> ReadVolumeFacts(absl::Span<const Job> runs) {
  std::map<std::string, VolumeFacts> facts;
  for (const Job& job : runs) {
    for (const std::string& name : job.volumes) {
      if (facts.count(name) != 0) continue;
      PENSTOCK_ASSIGN_OR_RETURN(const Volume volume, Volume::Open(name));
      facts.emplace(name, FactsOf(volume));
    }
  }
  return facts;
}

std::string RangesOf(const std::vector<uint32_t>& numbers) {
  if (numbers.empty()) return "none";
  std::string text;
  for (size_t first = 0, last = 0; first < numbers.size(); first = last + 1) {
    for (last = first; last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1;) ++last;
    absl::StrAppend(&text, first == 0 ? "" : ",", numbers[first]);
    if (last != first) absl::StrAppend(&text, "-", numbers[last]);
  }
  return text;
}

}  // namespace penstock::bench
