// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/controller_counters.h"

#include <fcntl.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "driver/nvme_ioctl.h"
#include "penstock/error.h"

namespace penstock {
namespace {

/// Reads completed, the first number of Documentation/block/stat.rst; 0 where there is no such file any more.
uint64_t BlockLayerReads(const std::string& path) {
  uint64_t reads = 0;
  std::ifstream(path) >> reads;
  return reads;
}

/// The kernel may send each question to another of the controllers.
absl::Status SharedError(const Volume& volume) {
  return MakeError(absl::StatusCode::kUnimplemented,
                   What(absl::StrCat(volume.nvme()->path_count, " controllers lead to ", volume.name(),
                                     ", and each counts only what it has done itself")),
                   Fix("compare with what the block layer counted, or ask each controller (nvme smart-log)"));
}

absl::Status ShrunkError(const NvmeController& controller) {
  return MakeError(absl::StatusCode::kUnavailable,
                   What(absl::StrCat("controller ", controller.name, " says that it has read less than it had at the beginning")),
                   Fix("look in the kernel log (dmesg) whether it was replaced or reset, and run again"));
}

}  // namespace

ControllerCounters::Watched& ControllerCounters::Watch(const Volume& volume) {
  const NvmeController& controller = volume.nvme()->controller;
  for (Watched& watched : watched_) {
    if (watched.controller.name == controller.name) return watched;
  }
  Watched& watched = watched_.emplace_back();
  watched.controller = controller;
  const ReadPath any = volume.Supports(ReadPath::kNvme) ? ReadPath::kNvme : ReadPath::kPread;
  watched.node = FileDescriptor(fcntl(volume.support(any).fd, F_DUPFD_CLOEXEC, 0));
  const absl::StatusOr<NvmeReadCounters> now = driver::ReadCounters({watched.node.get(), controller.name});
  watched.status = now.status();
  if (now.ok()) watched.begin = *now;
  return watched;
}

void ControllerCounters::Begin(const Volume& volume) {
  if (volume.nvme() == nullptr) return;
  Watched& watched = Watch(volume);
  if (volume.nvme()->path_count > 1) watched.status = SharedError(volume);
  const std::string block_device(absl::StripPrefix(volume.nvme()->block_node, "/dev/"));
  const std::string stat = absl::StrCat("/sys/block/", block_device, "/stat");
  const bool known =
      std::any_of(watched.block_stats.begin(), watched.block_stats.end(), [&](const auto& entry) { return entry.first == stat; });
  if (!known) watched.block_stats.emplace_back(stat, BlockLayerReads(stat));
}

std::vector<ControllerCounts> ControllerCounters::Read() const {
  std::vector<ControllerCounts> all;
  for (const Watched& watched : watched_) {
    ControllerCounts& counts = all.emplace_back();
    counts.controller = watched.controller;
    counts.status = watched.status;
    for (const auto& [stat, begin] : watched.block_stats) {
      counts.block_layer_reads += std::max(BlockLayerReads(stat), begin) - begin;
    }
    if (!watched.status.ok()) continue;
    const absl::StatusOr<NvmeReadCounters> now = driver::ReadCounters({watched.node.get(), watched.controller.name});
    counts.status = now.status();
    if (!now.ok()) continue;
    const NvmeReadCounters& begin = watched.begin;
    if (now->host_read_commands < begin.host_read_commands || now->data_units_read < begin.data_units_read) {
      counts.status = ShrunkError(watched.controller);
      continue;
    }
    counts.read_commands = now->host_read_commands - begin.host_read_commands;
    counts.data_units_read = now->data_units_read - begin.data_units_read;
  }
  return all;
}

}  // namespace penstock
