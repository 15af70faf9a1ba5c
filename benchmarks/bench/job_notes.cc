// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is allowed, and yet to be known when the results are read.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "benchmarks/bench/buffers.h"
#include "benchmarks/bench/job_limits.h"
#include "benchmarks/cli/byte_size.h"
#include "driver/nvme_command.h"
#include "driver/registered_pool.h"

namespace penstock::bench {
namespace {

std::string Size(uint64_t bytes) { return cli::FormatBytes(static_cast<double>(bytes)); }

/// The most that one command of this job reads: paths bar and nvme.
uint32_t CommandBytesOf(const Job& job, const NvmeNamespace& space) {
  if (job.path == ReadPath::kBar) return driver::CommandBytes(space, job.max_block_bytes, SIZE_MAX);
  return driver::CommandBytes(space, job.max_block_bytes, driver::CommandRegionBytes(BuffersOf(job)));
}

/// Commands that a read of the job becomes; 1 where they are the kernel's to make, and it is not known.
uint64_t CommandsOf(const Job& job, const NvmeNamespace& space) {
  uint64_t bytes = job.max_block_bytes;
  if (job.path == ReadPath::kBar || job.path == ReadPath::kNvme) bytes = CommandBytesOf(job, space);
  if (job.path == ReadPath::kRead && space.max_command_bytes != 0) bytes = space.max_command_bytes;
  return std::max<uint64_t>(1, (job.max_block_bytes + bytes - 1) / bytes);
}

void AddNotesOnNvme(const Job& job, const VolumeFacts& volume, std::vector<std::string>& notes) {
  if (!volume.nvme.has_value() || job.path == ReadPath::kPread) return;
  const NvmeNamespace& space = *volume.nvme;
  const uint64_t commands = CommandsOf(job, space);
  if (commands > 1) {
    const uint64_t mdts = space.controller.max_transfer_bytes;
    notes.push_back(absl::StrCat(
        "a read of ", Size(job.max_block_bytes), " of ", volume.name, " by path ", std::string(ReadPathName(job.path)), " is ",
        commands, " commands or more: the controller takes at most ", mdts == 0 ? "any size" : Size(mdts),
        " with one (MDTS), the kernel ", space.max_command_bytes == 0 ? "an unknown size" : Size(space.max_command_bytes)));
  }
  const uint64_t in_flight = uint64_t{job.iodepth} * commands;
  if (space.queue_depth != 0 && in_flight > space.queue_depth) {
    notes.push_back(absl::StrCat("iodepth=", job.iodepth, " keeps ", in_flight, " commands in flight, and a queue of ",
                                 volume.name, " holds ", space.queue_depth,
                                 " (nr_requests): the rest waits in the kernel, and that counts"));
  }
}

}  // namespace

std::vector<std::string> NotesOn(const Job& job, const HostLimits& host, absl::Span<const VolumeFacts> volumes) {
  std::vector<std::string> notes;
  const ProcessorFacts& processors = host.processors;
  const size_t allowed = processors.allowed.empty() ? processors.online.size() : processors.allowed.size();
  const size_t usable = job.cpus.empty() ? allowed : job.cpus.size();
  if (usable != 0 && job.numjobs > usable) {
    notes.push_back(absl::StrCat("numjobs=", job.numjobs, " threads take turns on ", usable,
                                 usable == 1 ? " processor" : " processors", ": latencies have their waiting in them"));
  }
  if (job.runner == Runner::kCpu && allowed != 0 && uint64_t{job.numjobs} * (1 + std::max(1u, job.workgroups)) > allowed) {
    notes.push_back(absl::StrCat("device=cpu takes processors from reading: ", job.numjobs,
                                 " threads that read, as many devices, and ", allowed,
                                 allowed == 1 ? " processor" : " processors"));
  }
  for (const VolumeFacts& volume : volumes) AddNotesOnNvme(job, volume, notes);
  return notes;
}

}  // namespace penstock::bench
