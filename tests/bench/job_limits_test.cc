// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/job_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penstock/error.h"

namespace penstock::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kMib = 1 << 20;

HostLimits Host() {
  HostLimits host;
  host.locked_bytes = 8 * kMib;
  host.processors = {.present = {0, 1, 2, 3}, .online = {0, 1, 2}, .allowed = {0, 1}, .nodes = {0}};
  host.is_built_with_hip = true;
  host.gpu_count = 2;
  return host;
}

/// A namespace of 1 MiB with blocks of 512 bytes.
VolumeFacts Namespace() {
  VolumeFacts volume;
  volume.name = "/dev/ng0n1";
  volume.size_bytes = kMib;
  volume.block_bytes = 512;
  for (PathSupport& support : volume.supports) support = {.fd = 3, .offset_alignment_bytes = 512, .memory_alignment_bytes = 4};
  volume.nvme = NvmeNamespace();
  volume.nvme->controller.name = "nvme0";
  volume.nvme->controller.max_transfer_bytes = 128 << 10;
  volume.nvme->max_command_bytes = 256 << 10;
  volume.nvme->block_bytes = 512;
  volume.nvme->queue_depth = 64;
  return volume;
}

/// A file of 1 MiB and a byte, for direct I/O of 4 KiB.
VolumeFacts File() {
  VolumeFacts volume;
  volume.name = "a.img";
  volume.size_bytes = kMib + 1;
  for (PathSupport& support : volume.supports) {
    support.refusal = {ReadPath::kNvme, "a.img is no NVMe namespace", "use path read"};
  }
  volume.supports[static_cast<size_t>(ReadPath::kRead)] = {.fd = 3, .offset_alignment_bytes = 4096};
  volume.supports[static_cast<size_t>(ReadPath::kPread)] = {.fd = 4};
  return volume;
}

Job JobOn(ReadPath path) {
  Job job;
  job.volumes = {"v"};
  job.path = path;
  return job;
}

void ExpectRefusal(const absl::Status& status, absl::StatusCode code, const char* cause, const char* remedy) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(CauseOf(status), HasSubstr(cause));
  EXPECT_THAT(RemedyOf(status), HasSubstr(remedy));
}

void ExpectWrong(const absl::Status& status, const char* cause, const char* remedy) {
  ExpectRefusal(status, absl::StatusCode::kInvalidArgument, cause, remedy);
}

/// For a path's own reason: others may do what was asked for.
void ExpectUnfit(const absl::Status& status, const char* cause, const char* remedy) {
  ExpectRefusal(status, absl::StatusCode::kFailedPrecondition, cause, remedy);
}

std::vector<Job> JobsOnEveryPath() {
  std::vector<Job> runs;
  for (const ReadPath path : kReadPaths) {
    runs.push_back(JobOn(path));
    runs.back().path_is_demanded = false;
  }
  return runs;
}

/// Which of the runs are to begin; none if the whole command is refused.
std::vector<bool> Usable(const std::vector<Job>& runs, const HostLimits& host, const VolumeFacts& volume) {
  const auto statuses = CheckRuns(runs, host, {{"v", volume}});
  EXPECT_TRUE(statuses.ok()) << statuses.status();
  std::vector<bool> usable;
  if (statuses.ok()) {
    for (const absl::Status& status : *statuses) usable.push_back(status.ok());
  }
  return usable;
}

TEST(JobLimits, TakeWhatTheHostCanDo) {
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) {
    EXPECT_TRUE(CheckJob(JobOn(path), Host(), {Namespace()}).ok()) << CheckJob(JobOn(path), Host(), {Namespace()});
  }
}

TEST(JobLimits, RefuseAPathThatAVolumeHasNot) {
  ExpectRefusal(CheckJob(JobOn(ReadPath::kNvme), Host(), {Namespace(), File()}), absl::StatusCode::kFailedPrecondition,
                "a.img is no NVMe namespace", "use path read");
}

TEST(JobLimits, RefuseAPathThatDoesNotGoWithTheBuffers) {
  ExpectRefusal(CheckJob(JobOn(ReadPath::kBar), Host(), {Namespace()}), absl::StatusCode::kFailedPrecondition,
                "path bar reads into memory of a device", "add buffer=window");
}

TEST(JobLimits, TellFirstWhatAVolumeCannotDoWithAnyOptions) {
  ExpectRefusal(CheckJob(JobOn(ReadPath::kBar), Host(), {File()}), absl::StatusCode::kFailedPrecondition,
                "a.img is no NVMe namespace", "use path read");
  Job polled = JobOn(ReadPath::kPread);
  polled.poll_device = true;
  ExpectRefusal(CheckJob(polled, Host(), {Namespace()}), absl::StatusCode::kFailedPrecondition, "path pread uses no io_uring",
                "leave iopoll and sqpoll out");
}

TEST(JobLimits, RefusePollingWithoutPollQueues) {
  Job job = JobOn(ReadPath::kNvme);
  job.poll_device = true;
  VolumeFacts volume = Namespace();
  ExpectRefusal(CheckJob(job, Host(), {volume}), absl::StatusCode::kFailedPrecondition,
                "iopoll: controller nvme0 of /dev/ng0n1 has no queues that can be polled", "nvme.poll_queues=N");
  volume.nvme->controller.poll_queue_count = 1;
  EXPECT_TRUE(CheckJob(job, Host(), {volume}).ok());
}

TEST(JobLimits, RefuseBlocksThatAreNotWholeOnes) {
  Job job = JobOn(ReadPath::kNvme);
  job.min_block_bytes = job.max_block_bytes = 1000;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "bs=1000 is not a multiple of 512, in which path nvme reads /dev/ng0n1",
              "use a multiple of 512");
  job.min_block_bytes = 512;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "bs=1000 is not", "use a multiple of 512");
  job.min_block_bytes = job.max_block_bytes = 512;
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok());
}

TEST(JobLimits, KnowTheStepsOfEachPath) {
  Job job = JobOn(ReadPath::kRead);
  job.min_block_bytes = job.max_block_bytes = 512;
  ExpectUnfit(CheckJob(job, Host(), {File()}), "bs=512 is not a multiple of 4096, in which path read reads a.img",
              "use a multiple of 4096, or paths=pread");
  job.path = ReadPath::kPread;
  EXPECT_TRUE(CheckJob(job, Host(), {File()}).ok());
}

TEST(JobLimits, RefuseExtentsThatAreNotWholeBlocks) {
  Job job = JobOn(ReadPath::kNvme);
  job.offset_bytes = 100;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "offset=100 is not a multiple of 512", "use a multiple of 512");
  job.offset_bytes = 0;
  job.size_bytes = 5000;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "size=5000 is not a multiple of 512", "use a multiple of 512");
}

TEST(JobLimits, RefuseExtentsBeyondTheVolume) {
  Job job = JobOn(ReadPath::kNvme);
  constexpr absl::StatusCode kCode = absl::StatusCode::kOutOfRange;
  job.offset_bytes = kMib;
  ExpectRefusal(CheckJob(job, Host(), {Namespace()}), kCode,
                "offset=1048576 leaves no block of 4096 of /dev/ng0n1, which has 1048576", "use an offset of at most 1044480");
  job.offset_bytes = kMib - 4096;
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok()) << "one block";
  job.size_bytes = 4096;
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok()) << "to the end";
  job.size_bytes = 4608;
  ExpectRefusal(CheckJob(job, Host(), {Namespace()}), kCode, "size=4608 from offset=1044480 goes beyond /dev/ng0n1",
                "use a size of at most 4096, or leave it out");
  job.offset_bytes = UINT64_MAX - 511;
  job.size_bytes = UINT64_MAX - 511;
  EXPECT_EQ(CheckJob(job, Host(), {Namespace()}).code(), kCode) << "their sum is small";
}

TEST(JobLimits, RefuseAVolumeWithoutRoomForABlock) {
  VolumeFacts empty = File();
  empty.size_bytes = 0;
  ExpectRefusal(CheckJob(JobOn(ReadPath::kPread), Host(), {empty}), absl::StatusCode::kOutOfRange,
                "one block of 4096 is more than a.img, which has 0 bytes", "use a smaller bs, or a larger volume");
}

TEST(JobLimits, RoundRemediesToWholeBlocks) {
  Job job = JobOn(ReadPath::kRead);
  job.offset_bytes = 2 * kMib;
  ExpectRefusal(CheckJob(job, Host(), {File()}), absl::StatusCode::kOutOfRange, "offset=2097152",
                "use an offset of at most 1044480");
}

TEST(JobLimits, RefuseMoreLockedMemoryThanIsAllowed) {
  Job job = JobOn(ReadPath::kRead);
  job.numjobs = 2;
  job.iodepth = 1024;
  EXPECT_EQ(LockedBytesOf(job), 8 * kMib);
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok());
  job.runner = Runner::kCpu;
  EXPECT_EQ(LockedBytesOf(job), 16 * kMib) << "what the device has is not read into";
  ExpectUnfit(
      CheckJob(job, Host(), {Namespace()}),
      "numjobs=2, iodepth=1024 and bs=4096, twice as a device looks at the bytes, lock 16.0 MiB of memory by path read, and this "
      "user may lock 8.00 MiB",
      "ulimit -l");
  HostLimits host = Host();
  host.locked_bytes = std::nullopt;
  EXPECT_TRUE(CheckJob(job, host, {Namespace()}).ok()) << "no limit";
  job.path = ReadPath::kPread;
  EXPECT_EQ(LockedBytesOf(job), 0u);
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok()) << "nothing is registered";
}

TEST(JobLimits, CountLockedMemoryInWholePages) {
  Job job = JobOn(ReadPath::kNvme);
  job.min_block_bytes = job.max_block_bytes = 512;
  EXPECT_EQ(LockedBytesOf(job), 4096u);
  job.buffer.kind = cli::BufferChoice::Kind::kPeerMemory;
  EXPECT_EQ(LockedBytesOf(job), 0u) << "a device's memory";
}

TEST(JobLimits, RefuseHugePagesThatThereAreNot) {
  Job job = JobOn(ReadPath::kPread);
  job.huge_pages = true;
  job.numjobs = 2;
  job.iodepth = 513;  // 2 MiB and a bit for each
  HostLimits host = Host();
  host.free_huge_pages = 3;
  ExpectWrong(CheckJob(job, host, {Namespace()}), "hugepages=1: the buffers need 4 huge pages of 2 MiB, and 3 are free",
              "sysctl vm.nr_hugepages=4");
  host.free_huge_pages = 4;
  EXPECT_TRUE(CheckJob(job, host, {Namespace()}).ok());
  job.huge_pages = false;
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok());
}

TEST(JobLimits, RefuseProcessorsThatCannotBeUsed) {
  Job job = JobOn(ReadPath::kPread);
  job.cpus = {1, 9};
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "cpus: there is no processor 9", "use those of 0-2");
  job.cpus = {3};
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "cpus: processor 3 is offline", "/sys/devices/system/cpu/cpu3/online");
  job.cpus = {0, 2};
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "cpus: this process may not run on processor 2",
              "use those of 0-1, or widen");
  HostLimits unknown = Host();
  unknown.processors = {};
  EXPECT_TRUE(CheckJob(job, unknown, {Namespace()}).ok()) << "nothing is known";
}

TEST(JobLimits, RefuseNodesThatThereAreNot) {
  Job job = JobOn(ReadPath::kPread);
  job.numa = 0;
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok());
  job.numa = 1;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "numa: there is no node 1", "use one of 0, or leave numa out");
  HostLimits host = Host();
  host.processors.nodes.clear();
  ExpectWrong(CheckJob(job, host, {Namespace()}), "numa: there is no node 1", "this kernel has no nodes");
}

TEST(JobLimits, RefuseGpusThatThereAreNot) {
  Job job = JobOn(ReadPath::kPread);
  job.runner = Runner::kHip;
  job.gpu_index = 1;
  EXPECT_TRUE(CheckJob(job, Host(), {Namespace()}).ok());
  job.gpu_index = 2;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "device=hip:2: HIP sees 2 GPUs here", "use hip:0 to hip:1");
  HostLimits host = Host();
  host.gpu_count = 0;
  ExpectWrong(CheckJob(job, host, {Namespace()}), "HIP sees 0 GPUs here", "use device=cpu");
  host.is_built_with_hip = false;
  ExpectWrong(CheckJob(job, host, {Namespace()}), "this penstock is built without HIP", "-DPENSTOCK_WITH_HIP=ON");
}

TEST(JobLimits, RefuseWhatParsingWouldHaveRefused) {
  Job job = JobOn(ReadPath::kPread);
  job.batch_submit = 2;
  ExpectWrong(CheckJob(job, Host(), {Namespace()}), "batch_submit=2 with iodepth=1", "use batch_submit of 1 to 1");
}

TEST(JobLimits, LetOtherPathsRunWhereNoneWasDemanded) {
  EXPECT_THAT(Usable(JobsOnEveryPath(), Host(), File()), ElementsAre(false, false, true, true))
      << "bar and nvme are for namespaces";
}

TEST(JobLimits, RefuseAPathThatDoesNotGoWithTheOptionsOnlyWhereItIsNamed) {
  Job in_peer_memory = JobOn(ReadPath::kNvme);
  in_peer_memory.buffer.kind = cli::BufferChoice::Kind::kPeerMemory;
  Job polled = JobOn(ReadPath::kPread);
  polled.poll_device = true;
  Job submitted_by_the_kernel = JobOn(ReadPath::kPread);
  submitted_by_the_kernel.kernel_thread = true;
  const std::pair<Job, const char*> cases[] = {{JobOn(ReadPath::kBar), "path bar reads into memory of a device"},
                                               {in_peer_memory, "path nvme reads into host memory"},
                                               {polled, "path pread uses no io_uring, and iopoll is an option of it"},
                                               {submitted_by_the_kernel, "and sqpoll is an option of it"}};
  for (const auto& [job, cause] : cases) {
    std::vector<Job> runs = {job, JobOn(ReadPath::kRead)};
    ExpectUnfit(CheckRuns(runs, Host(), {{"v", Namespace()}}).status(), cause, "");
    runs[0].path_is_demanded = false;
    EXPECT_THAT(Usable(runs, Host(), Namespace()), ElementsAre(false, true)) << cause;
  }
}

TEST(JobLimits, LetPreadRunWhereOthersNeedOtherStepsOrMoreLockedMemory) {
  std::vector<Job> unaligned = JobsOnEveryPath();
  for (Job& job : unaligned) job.min_block_bytes = job.max_block_bytes = 4097;
  EXPECT_THAT(Usable(unaligned, Host(), File()), ElementsAre(false, false, false, true));
  std::vector<Job> large = JobsOnEveryPath();
  for (Job& job : large) job.iodepth = 4096;
  EXPECT_THAT(Usable(large, Host(), Namespace()), ElementsAre(false, false, false, true));
}

TEST(JobLimits, StopEveryRunWhereNoPathCanBeUsed) {
  std::vector<Job> runs = JobsOnEveryPath();
  for (Job& job : runs) {
    job.min_block_bytes = job.max_block_bytes = 4097;
    job.poll_device = true;
  }
  const absl::Status status = CheckRuns(runs, Host(), {{"v", File()}}).status();
  ExpectUnfit(status, "no path can be used (bar: a.img is no NVMe namespace; nvme: ", "leave iopoll and sqpoll out");
  EXPECT_THAT(CauseOf(status),
              HasSubstr("; read: bs=4097 is not a multiple of 4096, in which path read reads a.img; pread: path"));
}

TEST(JobLimits, StopEveryRunForADemandOrAWrongValue) {
  std::vector<Job> runs = {JobOn(ReadPath::kPread), JobOn(ReadPath::kNvme)};
  runs[1].name = "two";
  const absl::Status demanded = CheckRuns(runs, Host(), {{"v", File()}}).status();
  EXPECT_EQ(demanded.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(demanded.message()), HasSubstr("[two]: a.img is no NVMe namespace"));

  runs = {JobOn(ReadPath::kPread)};
  runs[0].path_is_demanded = false;
  runs[0].cpus = {9};
  EXPECT_EQ(CheckRuns(runs, Host(), {{"v", File()}}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(JobNotes, AreEmptyForAPlainJob) { EXPECT_THAT(NotesOn(JobOn(ReadPath::kNvme), Host(), {Namespace()}), IsEmpty()); }

TEST(JobNotes, TellOfReadsThatBecomeSeveralCommands) {
  Job job = JobOn(ReadPath::kNvme);
  job.min_block_bytes = job.max_block_bytes = 512 << 10;
  EXPECT_THAT(
      NotesOn(job, Host(), {Namespace()}),
      ElementsAre("a read of 512 KiB of /dev/ng0n1 by path nvme is 4 commands or more: the controller takes at most 128 KiB "
                  "with one (MDTS), the kernel 256 KiB"));
  job.path = ReadPath::kRead;
  EXPECT_THAT(NotesOn(job, Host(), {Namespace()}), ElementsAre(HasSubstr("by path read is 2 commands or more")));
  job.path = ReadPath::kPread;
  EXPECT_THAT(NotesOn(job, Host(), {Namespace()}), IsEmpty()) << "read-ahead makes its own";
}

TEST(JobNotes, TellOfQueuesThatAreTooShort) {
  Job job = JobOn(ReadPath::kNvme);
  job.iodepth = 65;
  EXPECT_THAT(NotesOn(job, Host(), {Namespace()}),
              ElementsAre(HasSubstr("iodepth=65 keeps 65 commands in flight, and a queue of /dev/ng0n1 holds 64 (nr_requests)")));
  job.iodepth = 64;
  EXPECT_THAT(NotesOn(job, Host(), {Namespace()}), IsEmpty());
}

TEST(JobNotes, TellOfMoreThreadsThanProcessors) {
  Job job = JobOn(ReadPath::kPread);
  job.numjobs = 3;
  EXPECT_THAT(NotesOn(job, Host(), {}), ElementsAre(HasSubstr("numjobs=3 threads take turns on 2 processors")));
  job.numjobs = 2;
  EXPECT_THAT(NotesOn(job, Host(), {}), IsEmpty());
  job.cpus = {1};
  EXPECT_THAT(NotesOn(job, Host(), {}), ElementsAre(HasSubstr("take turns on 1 processor:")));
}

TEST(JobNotes, TellThatTheCpuDeviceTakesProcessors) {
  Job job = JobOn(ReadPath::kPread);
  job.runner = Runner::kCpu;
  EXPECT_THAT(NotesOn(job, Host(), {}), IsEmpty());
  job.numjobs = 2;
  EXPECT_THAT(NotesOn(job, Host(), {}), ElementsAre(HasSubstr("device=cpu takes processors from reading: 2 threads that read")));
}

}  // namespace
}  // namespace penstock::bench
