// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel refuses for real: rights, limits, io_uring itself. A path steps down and says why, or the disk is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/driver/child_process.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

IngestOptions Small(std::optional<ReadPath> path = std::nullopt) {
  IngestOptions options = By(ReadPath::kNvme);
  options.path = path;
  return options;
}

/// What becomes of it when a user without rights asks.
std::string UsersStory(const Disk& disk, const std::string& node, const IngestOptions& options = Small()) {
  return RunInChild([&] { return BecomeUser() ? Story(disk, node, options) : "still root"; });
}

TEST(Rights, AreNeededOnANodeAndAnErrorSaysOnWhich) {
  const Disk disk = DiskOf("BLOCKS4096");
  for (const std::string& node : {disk.block_node, disk.char_node}) {
    EXPECT_THAT(UsersStory(disk, node), AllOf(HasSubstr("cannot open " + node), HasSubstr("EACCES"), HasSubstr("setfacl")));
  }
}

TEST(Rights, OnTheBlockNodeAreEnoughToReadByTheKernel) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.block_node, kUser);
  for (const std::string& node : {disk.block_node, disk.char_node}) {
    EXPECT_THAT(UsersStory(disk, node), AllOf(StartsWith("read all bytes; not nvme: cannot open " + disk.char_node),
                                              HasSubstr("EACCES"), HasSubstr("give this user read access")));
  }
}

TEST(UserPassthrough, NeedsRightsOnTheCharacterNodeAlone) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.char_node, kUser);
  for (const std::string& node : {disk.block_node, disk.char_node}) EXPECT_EQ(UsersStory(disk, node), "nvme all bytes");
  EXPECT_THAT(UsersStory(disk, disk.char_node, Small(ReadPath::kRead)),
              AllOf(HasSubstr("demanded and is refused"), HasSubstr("cannot open " + disk.block_node)));
}

TEST(UserPassthrough, RunsThoughTheControllersCountersAreNotForUsers) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.char_node, kUser);
  const std::string answer = RunInChild([&]() -> std::string {
    if (!BecomeUser()) return "still root";
    const auto report = IngestCrc32c({disk.char_node}, Small());
    if (!report.ok() || !report->status.ok()) return report.status().ToString();
    const ControllerCounts& counts = report->controllers.at(0);
    return absl::StrCat(report->paths.at(0).commands, " commands, counted: ", counts.read_commands, ", ",
                        counts.block_layer_reads, ", ", counts.status.ToString());
  });
  EXPECT_THAT(answer,
              AllOf(HasSubstr("64 commands, counted: 0, 0, PERMISSION_DENIED"), HasSubstr("SMART log"), HasSubstr("root")));
}

TEST(UserPassthrough, IntoTooLittleLockedMemoryIsRefusedAndStepsDown) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner char_owner(disk.char_node, kUser);
  const ScopedOwner block_owner(disk.block_node, kUser);
  const auto story_of = [&](const IngestOptions& options) {
    return RunInChild([&]() -> std::string {
      const rlimit limit{.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
      if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || !BecomeUser()) return "no limit";
      return Story(disk, disk.char_node, options);
    });
  };
  EXPECT_THAT(story_of(Small()), AllOf(StartsWith("pread all bytes; not nvme"), HasSubstr("not read"), HasSubstr("ulimit -l")));
  EXPECT_THAT(story_of(Small(ReadPath::kNvme)), AllOf(HasSubstr("demanded and is refused"), HasSubstr("ulimit -l")));
}

TEST(NoUserPassthrough, IsToldWithTheKernelThatHasIt) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.char_node, kUser);
  EXPECT_THAT(UsersStory(disk, disk.char_node), AllOf(HasSubstr("EACCES"), HasSubstr("run as root"), HasSubstr("kernel 6.2")));
  const ScopedOwner block_owner(disk.block_node, kUser);
  EXPECT_THAT(UsersStory(disk, disk.char_node),
              AllOf(StartsWith("read all bytes; not nvme"), HasSubstr("EACCES"), HasSubstr("kernel 6.2")));
}

TEST(Limits, OfLockedMemoryTooSmallStepsDownToPread) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner owner(disk.block_node, kUser);
  const std::string story = RunInChild([&]() -> std::string {
    const rlimit limit{.rlim_cur = 64 * 1024, .rlim_max = 64 * 1024};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || !BecomeUser()) return "no limit";
    return Story(disk, disk.block_node, Small());
  });
  EXPECT_THAT(story, AllOf(StartsWith("pread all bytes; not nvme"), HasSubstr("not read"), HasSubstr("ulimit -l")));
}

TEST(IoUringSwitch, OffStepsDownToPread) {
  const ScopedSetting off("/proc/sys/kernel/io_uring_disabled", "2");
  const Disk disk = DiskOf("BLOCKS4096");
  EXPECT_THAT(Story(disk, disk.block_node, Small()), AllOf(StartsWith("pread all bytes; not nvme"), HasSubstr("not read"),
                                                           HasSubstr("EPERM"), HasSubstr("/proc/sys/kernel/io_uring_disabled")));
}

TEST(IoUringSwitch, OffForUsersStepsDownToPreadForThem) {
  const Disk disk = DiskOf("BLOCKS4096");
  const ScopedOwner char_owner(disk.char_node, kUser);
  const ScopedOwner block_owner(disk.block_node, kUser);
  const ScopedSetting off("/proc/sys/kernel/io_uring_disabled", "1");
  EXPECT_EQ(Story(disk, disk.block_node, Small()), "nvme all bytes");
  EXPECT_THAT(UsersStory(disk, disk.block_node), AllOf(StartsWith("pread all bytes; not nvme"), HasSubstr("not read"),
                                                       HasSubstr("EPERM"), HasSubstr("/proc/sys/kernel/io_uring_disabled")));
}

}  // namespace
}  // namespace penstock::guest
