// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/job_limits.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "benchmarks/bench/buffers.h"
#include "benchmarks/bench/job_check.h"
#include "benchmarks/cli/byte_size.h"
#include "penstock/buffer_pool.h"
#include "penstock/check.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

using cli::BufferChoice;

constexpr uint64_t kHugePageBytes = 2 << 20;

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

absl::Status Beyond(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kOutOfRange, What(std::move(what)), Fix(std::move(fix)));
}

absl::Status Unfit(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kFailedPrecondition, What(std::move(what)), Fix(std::move(fix)));
}

std::string PathOf(const Job& job) { return std::string(ReadPathName(job.path)); }

bool Has(const std::vector<uint32_t>& numbers, uint32_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

/// Of all of a job's buffers together.
uint64_t BufferBytesOf(const Job& job) {
  const BufferPool::Options buffers = BuffersOf(job);
  return uint64_t{job.numjobs} * buffers.buffer_count * buffers.buffer_bytes;
}

absl::Status CheckSupport(const Job& job, const VolumeFacts& volume) {
  const PathSupport& support = volume.support(job.path);
  return support.fd < 0 ? Unfit(support.refusal.cause, support.refusal.remedy) : absl::OkStatus();
}

absl::Status CheckPolling(const Job& job, const VolumeFacts& volume) {
  if (job.poll_device && volume.nvme.has_value() && volume.nvme->controller.poll_queue_count == 0) {
    return Unfit(
        absl::StrCat("iopoll: controller ", volume.nvme->controller.name, " of ", volume.name,
                     " has no queues that can be polled"),
        "load the nvme module with poll_queues=N (nvme.poll_queues=N on the kernel's command line), or leave iopoll out");
  }
  return absl::OkStatus();
}

/// Offsets and lengths are whole multiples of this.
uint32_t StepOf(const Job& job, const VolumeFacts& volume) {
  return std::max({uint32_t{1}, volume.block_bytes, volume.support(job.path).offset_alignment_bytes});
}

absl::Status CheckStep(const Job& job, const VolumeFacts& volume, absl::string_view option, uint64_t bytes) {
  const uint32_t step = StepOf(job, volume);
  if (bytes % step == 0) return absl::OkStatus();
  std::string cause =
      absl::StrCat(option, "=", bytes, " is not a multiple of ", step, ", in which path ", PathOf(job), " reads ", volume.name);
  std::string fix = absl::StrCat("use a multiple of ", step);
  if (bytes % std::max(1U, volume.block_bytes) != 0) return Wrong(std::move(cause), std::move(fix));
  return Unfit(std::move(cause), absl::StrCat(fix, ", or paths=pread, which reads in any steps"));
}

absl::Status CheckExtent(const Job& job, const VolumeFacts& volume) {
  PENSTOCK_RETURN_IF_ERROR(CheckStep(job, volume, "bs", job.min_block_bytes));
  PENSTOCK_RETURN_IF_ERROR(CheckStep(job, volume, "bs", job.max_block_bytes));
  PENSTOCK_RETURN_IF_ERROR(CheckStep(job, volume, "offset", job.offset_bytes));
  PENSTOCK_RETURN_IF_ERROR(CheckStep(job, volume, "size", job.size_bytes));
  const std::string has = absl::StrCat(volume.name, ", which has ", volume.size_bytes, " bytes");
  if (volume.size_bytes < job.max_block_bytes) {
    return Beyond(absl::StrCat("one block of ", job.max_block_bytes, " is more than ", has),
                  "use a smaller bs, or a larger volume");
  }
  const uint64_t last = volume.size_bytes - job.max_block_bytes;
  if (job.offset_bytes > last) {
    return Beyond(absl::StrCat("offset=", job.offset_bytes, " leaves no block of ", job.max_block_bytes, " of ", has),
                  absl::StrCat("use an offset of at most ", last / StepOf(job, volume) * StepOf(job, volume)));
  }
  const uint64_t left = volume.size_bytes - job.offset_bytes;
  if (job.size_bytes > left) {
    return Beyond(absl::StrCat("size=", job.size_bytes, " from offset=", job.offset_bytes, " goes beyond ", has),
                  absl::StrCat("use a size of at most ", left / StepOf(job, volume) * StepOf(job, volume), ", or leave it out"));
  }
  return absl::OkStatus();
}

absl::Status CheckLockedMemory(const Job& job, const HostLimits& host) {
  const uint64_t locked = LockedBytesOf(job);
  if (!host.locked_bytes.has_value() || locked <= *host.locked_bytes) return absl::OkStatus();
  return Unfit(absl::StrCat("numjobs=", job.numjobs, ", iodepth=", job.iodepth, " and bs=", job.max_block_bytes,
                            job.runner == Runner::kNone ? "" : ", twice as a device looks at the bytes,", " lock ",
                            cli::FormatBytes(static_cast<double>(locked)), " of memory by path ", PathOf(job),
                            ", and this user may lock ", cli::FormatBytes(static_cast<double>(*host.locked_bytes))),
               "raise the limit (ulimit -l, or LimitMEMLOCK= of the service), use less of the three, or paths=pread");
}

absl::Status CheckHugePages(const Job& job, const HostLimits& host) {
  const uint64_t huge_pages = (BufferBytesOf(job) / job.numjobs + kHugePageBytes - 1) / kHugePageBytes * job.numjobs;
  if (job.huge_pages == true && host.free_huge_pages < huge_pages) {
    return Wrong(absl::StrCat("hugepages=1: the buffers need ", huge_pages, " huge pages of 2 MiB, and ", host.free_huge_pages,
                              " are free"),
                 absl::StrCat("reserve them (sysctl vm.nr_hugepages=", huge_pages, "), or use hugepages=auto"));
  }
  return absl::OkStatus();
}

absl::Status CheckProcessors(const Job& job, const ProcessorFacts& facts) {
  for (const uint32_t cpu : job.cpus) {
    if (!facts.present.empty() && !Has(facts.present, cpu)) {
      return Wrong(absl::StrCat("cpus: there is no processor ", cpu), absl::StrCat("use those of ", RangesOf(facts.online)));
    }
    if (!facts.online.empty() && !Has(facts.online, cpu)) {
      return Wrong(
          absl::StrCat("cpus: processor ", cpu, " is offline"),
          absl::StrCat("use those of ", RangesOf(facts.online), ", or write 1 to /sys/devices/system/cpu/cpu", cpu, "/online"));
    }
    if (!facts.allowed.empty() && !Has(facts.allowed, cpu)) {
      return Wrong(absl::StrCat("cpus: this process may not run on processor ", cpu),
                   absl::StrCat("use those of ", RangesOf(facts.allowed), ", or widen its cpuset (taskset, cgroup)"));
    }
  }
  if (job.numa.has_value() && !Has(facts.nodes, *job.numa)) {
    return Wrong(absl::StrCat("numa: there is no node ", *job.numa),
                 facts.nodes.empty() ? "leave numa out: this kernel has no nodes"
                                     : absl::StrCat("use one of ", RangesOf(facts.nodes), ", or leave numa out"));
  }
  return absl::OkStatus();
}

absl::Status CheckGpu(const Job& job, const HostLimits& host) {
  if (job.runner != Runner::kHip) return absl::OkStatus();
  if (!host.is_built_with_hip) {
    return Wrong(absl::StrCat("device=hip:", job.gpu_index, ": this penstock is built without HIP"),
                 "use device=cpu, or build penstock with -DPENSTOCK_WITH_HIP=ON");
  }
  if (host.gpu_count.has_value() && job.gpu_index >= *host.gpu_count) {
    return Wrong(absl::StrCat("device=hip:", job.gpu_index, ": HIP sees ", *host.gpu_count, " GPUs here"),
                 *host.gpu_count == 0 ? "use device=cpu; penstock probe tells why there is none"
                                      : absl::StrCat("use hip:0 to hip:", *host.gpu_count - 1, " (penstock probe)"));
  }
  return absl::OkStatus();
}

/// First what no path of this host can do: a path that is unfit for itself hides nothing that stops all of them.
absl::Status CheckHost(const Job& job, const HostLimits& host) {
  PENSTOCK_RETURN_IF_ERROR(CheckProcessors(job, host.processors));
  PENSTOCK_RETURN_IF_ERROR(CheckGpu(job, host));
  PENSTOCK_RETURN_IF_ERROR(CheckHugePages(job, host));
  return CheckLockedMemory(job, host);
}

/// What each path says of the first run that was to take it, and what would help the last of them: it is the one that needs
/// least.
absl::Status NoPathFits(absl::Span<const Job> runs, absl::Span<const absl::Status> statuses) {
  std::set<ReadPath> told;
  std::vector<std::string> causes;
  std::string remedy;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!told.insert(runs[i].path).second) continue;
    causes.push_back(absl::StrCat(PathOf(runs[i]), ": ", CauseOf(statuses[i])));
    remedy = RemedyOf(statuses[i]);
  }
  return Unfit(absl::StrCat("no path can be used (", absl::StrJoin(causes, "; "), ")"), std::move(remedy));
}

}  // namespace

uint64_t LockedBytesOf(const Job& job) {
  const bool registers = job.path == ReadPath::kNvme || job.path == ReadPath::kRead;
  return registers && job.buffer.kind == BufferChoice::Kind::kPinned ? BufferBytesOf(job) : 0;
}

absl::Status CheckJob(const Job& job, const HostLimits& host, absl::Span<const VolumeFacts> volumes) {
  PENSTOCK_RETURN_IF_ERROR(CheckValues(job));
  // First what the volumes cannot do at all: another buffer or option would not help there.
  for (const VolumeFacts& volume : volumes) PENSTOCK_RETURN_IF_ERROR(CheckSupport(job, volume));
  PENSTOCK_RETURN_IF_ERROR(CheckPathOptions(job));
  for (const VolumeFacts& volume : volumes) PENSTOCK_RETURN_IF_ERROR(CheckPolling(job, volume));
  PENSTOCK_RETURN_IF_ERROR(CheckHost(job, host));
  for (const VolumeFacts& volume : volumes) PENSTOCK_RETURN_IF_ERROR(CheckExtent(job, volume));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<absl::Status>> CheckRuns(absl::Span<const Job> runs, const HostLimits& host,
                                                    const std::map<std::string, VolumeFacts>& volumes) {
  std::vector<absl::Status> statuses;
  for (const Job& job : runs) {
    std::vector<VolumeFacts> own;
    for (const std::string& name : job.volumes) {
      const auto found = volumes.find(name);
      PENSTOCK_CHECK(found != volumes.end());
      own.push_back(found->second);
    }
    absl::Status status = CheckJob(job, host, own);
    if (!status.ok() && (job.path_is_demanded || status.code() != absl::StatusCode::kFailedPrecondition)) {
      return job.name == runs.front().name && job.name == runs.back().name ? status
                                                                           : Annotate(status, absl::StrCat("[", job.name, "]"));
    }
    statuses.push_back(std::move(status));
  }
  const bool any_fits = std::any_of(statuses.begin(), statuses.end(), [](const absl::Status& status) { return status.ok(); });
  if (!statuses.empty() && !any_fits) return NoPathFits(runs, statuses);
  return statuses;
}

}  // namespace penstock::bench
