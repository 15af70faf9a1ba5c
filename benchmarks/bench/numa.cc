// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/numa.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "benchmarks/bench/option_value.h"
#include "driver/sysfs_file.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

constexpr uint32_t kMaxNodes = 1024;

}  // namespace

absl::StatusOr<std::vector<uint32_t>> CpusOfNode(uint32_t node) {
  const std::string list = absl::StrCat("/sys/devices/system/node/node", node, "/cpulist");
  const std::optional<std::vector<uint32_t>> cpus = NumberListOf(driver::ReadText(list).value_or(""));
  if (cpus.has_value()) return *cpus;
  return MakeError(absl::StatusCode::kNotFound, What(absl::StrCat("there is no NUMA node ", node, " with processors")),
                   Fix("see /sys/devices/system/node for those that there are"));
}

absl::Status RunOn(absl::Span<const uint32_t> cpus) {
  if (cpus.empty()) return absl::OkStatus();
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const uint32_t cpu : cpus) CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) == 0) return absl::OkStatus();
  return MakeErrnoError(absl::StatusCode::kInvalidArgument, errno,
                        What(absl::StrCat("cannot run on processors ", absl::StrJoin(cpus, ","))),
                        Fix("name processors that are online and that this process may use (taskset -p $$)"));
}

ScopedMemoryNode::ScopedMemoryNode(std::optional<uint32_t> node) {
  if (!node.has_value() || *node >= kMaxNodes) return;
  unsigned long mask[kMaxNodes / (8 * sizeof(unsigned long))] = {};
  mask[*node / (8 * sizeof(unsigned long))] |= 1ul << (*node % (8 * sizeof(unsigned long)));
  bound_ = syscall(SYS_set_mempolicy, MPOL_BIND, mask, kMaxNodes) == 0;
}

ScopedMemoryNode::~ScopedMemoryNode() {
  if (bound_) syscall(SYS_set_mempolicy, MPOL_DEFAULT, nullptr, 0);
}

}  // namespace penstock::bench
