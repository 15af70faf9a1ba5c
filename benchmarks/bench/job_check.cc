// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/job_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "penstock/ingest.h"

namespace penstock::bench {
namespace {

using cli::BufferChoice;

constexpr uint32_t kMaxCpuWorkgroups = 1024;
constexpr double kSteadyWindowSeconds = 10;

absl::Status Wrong(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kInvalidArgument, What(std::move(what)), Fix(std::move(fix)));
}

absl::Status Unfit(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kFailedPrecondition, What(std::move(what)), Fix(std::move(fix)));
}

absl::Status CheckDepths(const Job& job) {
  if (job.batch_submit > job.iodepth) {
    return Wrong(
        absl::StrCat("batch_submit=", job.batch_submit, " with iodepth=", job.iodepth, ": so many reads are never gathered"),
        absl::StrCat("use batch_submit of 1 to ", job.iodepth, ", the least of the iodepths"));
  }
  if (job.batch_complete > job.iodepth) {
    return Wrong(absl::StrCat("batch_complete=", job.batch_complete, " with iodepth=", job.iodepth,
                              ": so many reads never end, and the wait for them neither"),
                 absl::StrCat("use batch_complete of 1 to ", job.iodepth, ", the least of the iodepths"));
  }
  const uint64_t reads = uint64_t{job.numjobs} * job.iodepth;
  if (reads > IngestOptions::kMaxReads) {
    return Wrong(absl::StrCat("numjobs=", job.numjobs, " with iodepth=", job.iodepth, " makes ", reads,
                              " reads in flight, more than ", IngestOptions::kMaxReads),
                 absl::StrCat("use an iodepth of at most ", IngestOptions::kMaxReads / job.numjobs, ", or fewer jobs"));
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const Job& job) {
  if (job.rate_reads > 0 && job.rate_bytes > 0) {
    return Wrong("both rate and rate_iops: each is a schedule of its own", "leave one of them out");
  }
  if (job.steady_fraction > 0 && job.runtime_seconds <= kSteadyWindowSeconds) {
    return Wrong(absl::StrCat("steadystate with runtime=", job.runtime_seconds, "s: it looks at the rates of ",
                              kSteadyWindowSeconds, " s, so that no run would end by it"),
                 "use a runtime above 10s, such as 60s: it is then the longest that a run takes");
  }
  if (job.size_bytes != 0 && job.size_bytes < job.max_block_bytes) {
    return Wrong(absl::StrCat("size=", job.size_bytes, " is less than one block of ", job.max_block_bytes),
                 absl::StrCat("use a size of at least ", job.max_block_bytes));
  }
  return absl::OkStatus();
}

absl::Status CheckOperation(const Job& job) {
  if (job.operation == "verify" && job.pattern.empty()) {
    return Wrong("op=verify without a pattern to compare with", "add pattern=TEXT: what the volume holds over and over");
  }
  if (job.operation != "verify" && !job.pattern.empty()) {
    return Wrong(absl::StrCat("op=", job.operation, " takes no pattern"), "leave pattern out, or use op=verify");
  }
  if (job.runner == Runner::kNone && job.operation != "none") {
    return Wrong(absl::StrCat("op=", job.operation, " without a device: nothing would look at the bytes"),
                 "add device=cpu or device=hip, or leave op out");
  }
  return absl::OkStatus();
}

absl::Status CheckDevice(const Job& job) {
  if (job.runner == Runner::kNone && job.workgroups != 0) {
    return Wrong(absl::StrCat("workgroups=", job.workgroups, " without a device"),
                 "add device=cpu or device=hip, or leave workgroups out");
  }
  if (job.runner == Runner::kCpu && job.workgroups > kMaxCpuWorkgroups) {
    return Wrong(absl::StrCat("workgroups=", job.workgroups, " with device=cpu: each is a thread"),
                 absl::StrCat("use 1 to ", kMaxCpuWorkgroups));
  }
  if (job.buffer.kind == BufferChoice::Kind::kWindow && job.runner != Runner::kHip) {
    return Wrong("buffer=window without device=hip: a window lies in a GPU's memory, and the GPU is to look at the bytes",
                 "add device=hip, or use buffer=pinned");
  }
  if (job.buffer.kind != BufferChoice::Kind::kPinned && job.huge_pages.has_value()) {
    return Wrong("hugepages with a buffer in a device's memory, which has pages of its own",
                 "leave hugepages out, or use buffer=pinned");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckValues(const Job& job) {
  PENSTOCK_RETURN_IF_ERROR(CheckDepths(job));
  PENSTOCK_RETURN_IF_ERROR(CheckTimes(job));
  PENSTOCK_RETURN_IF_ERROR(CheckOperation(job));
  return CheckDevice(job);
}

absl::Status CheckPathOptions(const Job& job) {
  const bool is_pinned = job.buffer.kind == BufferChoice::Kind::kPinned;
  if (job.path == ReadPath::kBar && is_pinned) {
    return Unfit("path bar reads into memory of a device, and the buffers are host memory",
                 "add buffer=window or buffer=p2pmem:ADDRESS, or use paths=nvme");
  }
  if (job.path == ReadPath::kNvme && !is_pinned) {
    return Unfit("path nvme reads into host memory, and the buffers are a device's", "use paths=bar, or leave buffer out");
  }
  if (job.path == ReadPath::kPread && (job.poll_device || job.kernel_thread)) {
    return Unfit(absl::StrCat("path pread uses no io_uring, and ", job.poll_device ? "iopoll" : "sqpoll", " is an option of it"),
                 "leave iopoll and sqpoll out, or use paths=nvme or paths=read");
  }
  return absl::OkStatus();
}

absl::Status CheckSection(const JobOptions& options) {
  const bool has_random =
      std::find(options.accesses.begin(), options.accesses.end(), Access::kRandRead) != options.accesses.end();
  if (options.job.distribution.zipf_theta != 0 && !has_random) {
    return Wrong("random_distribution=zipf with rw=read: blocks are read in their order, each as often as any other",
                 "add rw=randread, or leave random_distribution out");
  }
  if (options.job.volumes.empty()) {
    return Wrong(
        "no volume was given",
        "name a file, a block device or an NVMe namespace: penstock bench /dev/ng0n1, in a job file filename=/dev/ng0n1");
  }
  return absl::OkStatus();
}

}  // namespace penstock::bench
