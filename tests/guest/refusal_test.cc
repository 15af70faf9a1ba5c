// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel refuses for real: rights, limits, io_uring itself. A path steps down and says why, or the disk is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/driver/child_process.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::HasSubstr;

IngestOptions Small() {
  IngestOptions options;
  options.chunk_bytes = 64 * 1024;
  options.depth = 8;
  return options;
}

/// In words: the path that ran, whether it delivered, and why other paths did not run; or the error.
std::string Story(const Disk& disk, const IngestOptions& options) {
  const absl::StatusOr<IngestReport> report = IngestCrc32c({disk.block_node}, options);
  const absl::Status status = report.ok() ? report->status : report.status();
  if (!status.ok()) return std::string(status.message());
  const SourceReport& source = report->sources.at(0);
  std::string story(ReadPathName(source.path.value()));
  story += source.result.crc32c == disk.crc32c ? " all bytes" : " wrong bytes";
  for (const Refusal& refusal : source.refusals) {
    story += "; not " + std::string(ReadPathName(refusal.path)) + ": " + refusal.cause + ". Fix: " + refusal.remedy;
  }
  return story;
}

TEST(Rights, AreNeededOnTheNodeAndAnErrorSaysWhich) {
  const Disk disk = DiskOf("BLOCKS4096");
  const std::string story = RunInChild([&] { return BecomeUser() ? Story(disk, Small()) : "still root"; });
  EXPECT_THAT(story, AllOf(HasSubstr("cannot open " + disk.block_node), HasSubstr("EACCES"), HasSubstr("disk group")));
}

TEST(Rights, OnTheBlockNodeAreEnoughToReadByTheKernel) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.block_node, kUser);
  const std::string story = RunInChild([&] { return BecomeUser() ? Story(disk, Small()) : "still root"; });
  EXPECT_THAT(story,
              AllOf(HasSubstr("read all bytes"), HasSubstr("not nvme: cannot open " + disk.char_node), HasSubstr("EACCES")));
}

TEST(Limits, OfLockedMemoryTooSmallStepsDownToPread) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.block_node, kUser);
  const std::string story = RunInChild([&]() -> std::string {
    const rlimit limit{.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || !BecomeUser()) return "no limit";
    return Story(disk, Small());
  });
  EXPECT_THAT(story, AllOf(HasSubstr("pread all bytes"), HasSubstr("not nvme"), HasSubstr("not read"), HasSubstr("ulimit -l")));
}

TEST(IoUringSwitch, OffStepsDownToPread) {
  const ScopedSetting off("/proc/sys/kernel/io_uring_disabled", "2");
  EXPECT_THAT(Story(DiskOf("BLOCKS4096"), Small()),
              AllOf(HasSubstr("pread all bytes"), HasSubstr("not nvme"), HasSubstr("not read"), HasSubstr("EPERM"),
                    HasSubstr("/proc/sys/kernel/io_uring_disabled")));
}

TEST(IoUringSwitch, OffForUsersStepsDownToPreadForThem) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.block_node, kUser);
  const ScopedSetting off("/proc/sys/kernel/io_uring_disabled", "1");
  EXPECT_EQ(Story(disk, Small()), "nvme all bytes");
  const std::string story = RunInChild([&] { return BecomeUser() ? Story(disk, Small()) : "still root"; });
  EXPECT_THAT(story, AllOf(HasSubstr("pread all bytes"), HasSubstr("not nvme"), HasSubstr("not read"), HasSubstr("EPERM"),
                           HasSubstr("/proc/sys/kernel/io_uring_disabled")));
}

}  // namespace
}  // namespace penstock::guest
