// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel pulls: the same results as when the host pushes, and each way in which a source can fail.
#include "penstock/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>

#include "penstock/error.h"
#include "tests/driver/temp_file.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

using testing::HasSubstr;

std::unique_ptr<Device> PullDevice(u32 io_queues = 1, u32 workgroups = 2) {
  TestOptions options;
  options.workgroups = workgroups;
  options.io_queues = io_queues;
  return MakeDevice(options);
}

IngestOptions Small(ReadPath path = ReadPath::kPread) {
  IngestOptions options;
  options.path = path;
  options.chunk_bytes = 8192;
  options.depth = 8;
  return options;
}

absl::StatusOr<IngestReport> PullFiles(const std::vector<std::string>& sources, const IngestOptions& options, u32 io_queues = 1) {
  const std::unique_ptr<Device> device = PullDevice(io_queues);
  return Pull(*device, sources, *MakeCrc32cOperation(), options);
}

absl::StatusOr<IngestReport> PushFiles(const std::vector<std::string>& sources, const IngestOptions& options) {
  const std::unique_ptr<Device> device = MakeDevice();
  const std::unique_ptr<Operation> operation = MakeCrc32cOperation();
  return Ingest(*device, sources, *operation, options);
}

TEST(Pull, MakesOfEverySourceWhatPushingMakesOfIt) {
  const TempFile large(1'000'001);
  const TempFile empty(0);
  const TempFile small(5);
  const TempFile exact(8192 * 7);
  const std::vector<std::string> names = {large.path(), empty.path(), small.path(), exact.path()};
  const auto pushed = PushFiles(names, Small());
  ASSERT_TRUE(pushed.ok()) << pushed.status();
  for (const ReadPath path : {ReadPath::kPread, ReadPath::kRead}) {
    if (path == ReadPath::kRead && !large.Open().Supports(path)) continue;  // a file system without O_DIRECT
    for (const u32 depth : {1u, 8u, 200u}) {
      IngestOptions options = Small(path);
      options.depth = depth;
      const auto pulled = PullFiles(names, options, (depth + 63) / 64);
      ASSERT_TRUE(pulled.ok()) << pulled.status();
      EXPECT_TRUE(pulled->status.ok()) << pulled->status;
      ASSERT_EQ(pulled->sources.size(), names.size());
      for (size_t i = 0; i < names.size(); ++i) {
        EXPECT_EQ(pulled->sources[i].name, names[i]);
        EXPECT_EQ(pulled->sources[i].bytes, pushed->sources[i].bytes);
        EXPECT_EQ(pulled->sources[i].result.crc32c, pushed->sources[i].result.crc32c);
        EXPECT_EQ(pulled->sources[i].path, path);
      }
      EXPECT_EQ(pulled->statistics.bytes, pushed->statistics.bytes);
      EXPECT_EQ(pulled->statistics.chunks, 123u + 0 + 1 + 7);
      EXPECT_EQ(pulled->reads.completed, 131u);
      EXPECT_EQ(pulled->bounce_bytes, path == ReadPath::kPread ? pulled->statistics.bytes : 0);
    }
  }
}

TEST(Pull, ReadsAnExtentOfEverySource) {
  const TempFile file(100'000);
  IngestOptions options = Small();
  options.offset_bytes = 12'345;
  options.length_bytes = 50'001;
  const auto pushed = PushFiles({file.path()}, options);
  const auto pulled = PullFiles({file.path()}, options);
  ASSERT_TRUE(pushed.ok() && pulled.ok()) << pulled.status();
  EXPECT_EQ(pulled->sources[0].bytes, 50'001u);
  EXPECT_EQ(pulled->sources[0].result.crc32c, pushed->sources[0].result.crc32c);
}

TEST(Pull, MakesTheSameOfChunksInARandomOrder) {
  const TempFile large(1'000'001);
  const TempFile small(5);
  const std::vector<std::string> names = {large.path(), small.path()};
  const auto pushed = PushFiles(names, Small());
  IngestOptions options = Small();
  options.shuffle_seed = 3;
  const auto pulled = PullFiles(names, options);
  ASSERT_TRUE(pushed.ok() && pulled.ok()) << pulled.status();
  EXPECT_TRUE(pulled->status.ok()) << pulled->status;
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(pulled->sources[i].result.crc32c, pushed->sources[i].result.crc32c);
}

TEST(Pull, GoesOnWithTheOthersWhenASourceCannotBeOpened) {
  const TempFile file(20'000);
  const auto report = PullFiles({"/nowhere", file.path(), "/"}, Small());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(report->sources[0].status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(report->sources[1].status.ok()) << report->sources[1].status;
  EXPECT_EQ(report->sources[1].bytes, 20'000u);
  EXPECT_EQ(report->sources[2].status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(Pull, SaysWhereAPathCannotBegin) {
  const TempFile file(20'000);
  if (!file.Open().Supports(ReadPath::kRead)) GTEST_SKIP() << "no O_DIRECT here. Fix: run on a disk file system.";
  IngestOptions options = Small(ReadPath::kRead);
  options.offset_bytes = 1;
  const auto report = PullFiles({file.path()}, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(report->status.message()), HasSubstr("multiple of 4 KiB"));
}

TEST(Pull, TakesManySources) {
  constexpr size_t kSources = 1100;
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < 3 * kSources) GTEST_SKIP() << "too few descriptors. Fix: raise the hard limit (ulimit -Hn).";
  const rlimit as_it_was = limit;
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  const TempFile file(5);
  const auto report = PullFiles(std::vector<std::string>(kSources, file.path()), Small());
  setrlimit(RLIMIT_NOFILE, &as_it_was);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status.ok()) << report->status;
  EXPECT_EQ(report->statistics.bytes, 5 * kSources);
}

TEST(Pull, SaysWhyAPathIsNotUsed) {
  const TempFile file(5000);
  IngestOptions options = Small();
  options.path.reset();
  options.poll_device = true;  // which a file's queue cannot do
  const auto report = PullFiles({file.path()}, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status.ok()) << report->status;
  EXPECT_EQ(report->sources[0].path, ReadPath::kPread);
  ASSERT_FALSE(report->sources[0].refusals.empty());
  EXPECT_EQ(report->sources[0].refusals.back().path, ReadPath::kRead);
  EXPECT_NE(report->sources[0].refusals.back().remedy, "");
}

TEST(Pull, EndsInOrderWhenItIsCancelled) {
  const TempFile file(4'000'000);
  std::atomic<bool> cancel = true;
  IngestOptions options = Small();
  options.cancel = &cancel;
  const auto report = PullFiles({file.path()}, options);
  ASSERT_TRUE(report.ok()) << report.status();
  if (report->status.ok()) return;  // it was quicker
  EXPECT_EQ(report->status.code(), absl::StatusCode::kCancelled);
  EXPECT_LT(report->sources[0].bytes, 4'000'000u);
}

TEST(Pull, NeedsADeviceWithQueuesAndAnOperationThatItCanDo) {
  const TempFile file(4096);
  EXPECT_EQ(PullFiles({file.path()}, Small(), 0).status().code(), absl::StatusCode::kFailedPrecondition);
  const std::unique_ptr<Device> device = PullDevice();
  const auto report = Pull(*device, {file.path()}, *MakeHistogramOperation(), Small());
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(RemedyOf(report.status()), "");
}

}  // namespace
}  // namespace penstock
