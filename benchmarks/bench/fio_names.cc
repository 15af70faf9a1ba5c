// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/fio_names.h"

#include <algorithm>

namespace penstock::bench {
namespace {

struct FioName {
  absl::string_view name;
  absl::string_view advice;
};

constexpr absl::string_view kAlwaysSo = "leave it out: it is always so here";
constexpr absl::string_view kReadsOnly = "leave it out: penstock bench only reads";

constexpr FioName kAdvice[] = {
    // What has another name here.
    {"readwrite", "write rw"},
    {"blocksize", "write bs"},
    {"bsrange", "write bs=4k-64k"},
    {"blocksize_range", "write bs=4k-64k"},
    {"ioengine", "name the path: paths=nvme is io_uring_cmd, paths=read is io_uring with fixed buffers, paths=pread is psync"},
    {"direct", "name the path: paths=read is direct, paths=pread goes through the page cache"},
    {"buffered", "name the path: paths=read is direct, paths=pread goes through the page cache"},
    {"hipri", "write iopoll"},
    {"sqthread_poll", "write sqpoll"},
    {"iodepth_batch", "write batch_submit"},
    {"iodepth_batch_submit", "write batch_submit"},
    {"iodepth_batch_complete", "write batch_complete"},
    {"iodepth_batch_complete_min", "write batch_complete"},
    {"cpus_allowed", "write cpus"},
    {"cpumask", "write cpus"},
    {"numa_cpu_nodes", "write numa"},
    {"numa_mem_policy", "write numa: threads and buffers are of the same node"},
    {"randseed", "write seed"},
    {"verify", "write device=cpu or device=hip, op=verify and pattern=TEXT: the device compares every byte"},
    {"verify_pattern", "write op=verify and pattern=TEXT"},
    {"mem", "write hugepages=auto, 0 or 1, or buffer=window"},
    {"iomem", "write hugepages=auto, 0 or 1, or buffer=window"},
    {"steadystate_duration", "leave it out: steadystate looks at the last ten seconds"},
    {"ss", "write steadystate"},
    {"rate_process", "leave it out: rate and rate_iops keep a fixed schedule"},
    {"minimal", "write output_format=csv"},
    {"section", "leave the other sections out of the file"},
    {"include", "put the other file's lines into this one"},
    // What is always so.
    {"time_based", kAlwaysSo},
    {"group_reporting", kAlwaysSo},
    {"thread", kAlwaysSo},
    {"stonewall", "leave it out: sections run one after the other"},
    {"wait_for", "leave it out: sections run one after the other"},
    {"registerfiles", kAlwaysSo},
    {"fixedbufs", "name the path: paths=nvme and paths=read have fixed buffers"},
    {"cmd_type", "name the path: paths=nvme"},
    {"norandommap", "leave it out: each offset is chosen anew, whatever was read before"},
    {"randrepeat", "leave it out, and write seed=N for another order"},
    {"allrandrepeat", "leave it out, and write seed=N for another order"},
    {"clat_percentiles", kAlwaysSo},
    {"lat_percentiles", kAlwaysSo},
    {"percentile_list", "leave it out: p50, p90, p99, p99.9, p99.99 and the maximum are always told"},
    // What penstock bench does not do.
    {"io_size", "write runtime: a run ends by the clock"},
    {"number_ios", "write runtime: a run ends by the clock"},
    {"bssplit", "write bs as a range, each size of which comes as often, or as a list, each of which is a run"},
    {"rwmixread", kReadsOnly},
    {"rwmixwrite", kReadsOnly},
    {"fsync", kReadsOnly},
    {"fdatasync", kReadsOnly},
    {"end_fsync", kReadsOnly},
    {"sync", kReadsOnly},
    {"overwrite", kReadsOnly},
    {"buffer_pattern", kReadsOnly},
    {"zero_buffers", kReadsOnly},
    {"refill_buffers", kReadsOnly},
    {"fallocate", "make the file first: penstock bench only reads"},
    {"filesize", "make the file first, and write size=N to read part of it"},
    {"nrfiles", "name the files: filename=a:b"},
    {"directory", "name the files with their directory: filename=/a/b:/a/c"},
};

/// The rest, of which there is nothing like it.
constexpr absl::string_view kNothingLikeIt[] = {"allow_file_create",
                                                "atomic",
                                                "bs_unaligned",
                                                "bwavgtime",
                                                "cgroup",
                                                "clocksource",
                                                "continue_on_error",
                                                "create_on_open",
                                                "create_serialize",
                                                "description",
                                                "disable_clat",
                                                "disable_lat",
                                                "disable_slat",
                                                "disk_util",
                                                "exec_postrun",
                                                "exec_prerun",
                                                "exitall",
                                                "fadvise_hint",
                                                "file_append",
                                                "file_service_type",
                                                "fill_device",
                                                "flow",
                                                "gtod_cpu",
                                                "gtod_reduce",
                                                "ignore_error",
                                                "invalidate",
                                                "io_submit_mode",
                                                "iodepth_low",
                                                "ioscheduler",
                                                "kb_base",
                                                "latency_percentile",
                                                "latency_run",
                                                "latency_target",
                                                "latency_window",
                                                "lockfile",
                                                "lockmem",
                                                "log_avg_msec",
                                                "max_latency",
                                                "new_group",
                                                "nice",
                                                "offset_align",
                                                "offset_increment",
                                                "opendir",
                                                "openfiles",
                                                "percentage_random",
                                                "pre_read",
                                                "prio",
                                                "prioclass",
                                                "profile",
                                                "random_generator",
                                                "rate_cycle",
                                                "rate_iops_min",
                                                "rate_min",
                                                "read_iolog",
                                                "serialize_overlap",
                                                "softrandommap",
                                                "startdelay",
                                                "thinktime",
                                                "unified_rw_reporting",
                                                "unlink",
                                                "write_bw_log",
                                                "write_iolog",
                                                "write_iops_log",
                                                "write_lat_log",
                                                "zonemode",
                                                "zonesize"};

}  // namespace

std::optional<std::string> AdviceOnFioName(absl::string_view name) {
  for (const FioName& entry : kAdvice) {
    if (entry.name == name) return std::string(entry.advice);
  }
  if (std::find(std::begin(kNothingLikeIt), std::end(kNothingLikeIt), name) != std::end(kNothingLikeIt)) {
    return "leave it out: penstock bench has nothing like it";
  }
  return std::nullopt;
}

}  // namespace penstock::bench
