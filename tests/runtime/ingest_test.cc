// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <filesystem>
#include <iostream>

#include "penstock/device_memory.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "penstock/read_paths.h"
#include "tests/driver/child_process.h"
#include "tests/runtime/pump_rig.h"

namespace penstock {
namespace {

using testing::HasSubstr;

absl::StatusOr<IngestReport> IngestFiles(const std::vector<std::string>& sources, const IngestOptions& options = {}) {
  const std::unique_ptr<Device> device = MakeDevice();
  const std::unique_ptr<Operation> operation = MakeCrc32cOperation();
  return Ingest(*device, sources, *operation, options);
}

IngestOptions Small(std::optional<ReadPath> path = std::nullopt) {
  IngestOptions options;
  options.path = path;
  options.chunk_bytes = 8192;
  options.depth = 4;
  return options;
}

/// The device may outlive an operation, and slots of it.
TEST(Operation, LeavesItsMemoryToTheDevice) {
  std::vector<std::byte> bytes = Pattern(0, 4096);
  const std::unique_ptr<Device> device = MakeDevice();
  const u32 handle = *device->RegisterBuffer(absl::MakeSpan(bytes), layout::kBufferRead);
  const LandedChunk chunk = {{handle, 0, 4096}, 0, 0};
  std::vector<Work> works;
  for (const auto& operation : {MakeHistogramOperation(), *MakeVerifyOperation(std::string(1000, 'x'))}) {
    ASSERT_TRUE(operation->Prepare(*device, 1).ok());
    works.push_back(operation->MakeWork(chunk));
  }
  ASSERT_TRUE(device->Start().ok());
  for (const Work& work : works) {
    const absl::StatusOr<Ticket> ticket = device->ring().Publish(work);
    EXPECT_TRUE(device->ring().Wait(*ticket, kPatience)->ok());
  }
  EXPECT_TRUE(device->Stop(kPatience).ok());
}

TEST(Ingest, RefusesSizesThatCannotWorkBeforeItReadsAnything) {
  for (const auto& [chunk_bytes, depth] : {std::pair{0u, 1u}, {1000u, 1u}, {512u << 20, 1u}, {4096u, 0u}, {4096u, 5000u}}) {
    IngestOptions options;
    options.chunk_bytes = chunk_bytes;
    options.depth = depth;
    const auto report = IngestFiles({"nowhere"}, options);
    EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(RemedyOf(report.status()), "");
  }
}

TEST(Ingest, RefusesMoreReadsInFlightThanOneQueueHas) {
  IngestOptions options;
  options.depth = 4096;  // for each of five devices
  const auto report = IngestFiles({"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}, options);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(RemedyOf(report.status()), HasSubstr("at most 3276"));
}

TEST(Ingest, ReportsEverySourceInTheOrderGiven) {
  const TempFile first(100'000);
  const TempFile empty(0);
  const TempFile last(5);
  const auto report = IngestFiles({first.path(), "nowhere", empty.path(), last.path()}, Small());
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->sources.size(), 4u);
  EXPECT_EQ(report->status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(report->sources[0].result.crc32c, PatternCrc(100'000));
  EXPECT_EQ(report->sources[1].status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(report->sources[1].path, std::nullopt);
  EXPECT_EQ(report->sources[2].result.crc32c, 0u);
  EXPECT_EQ(report->sources[3].result.crc32c, PatternCrc(5));
  EXPECT_EQ(report->statistics.bytes, 100'005u);
  EXPECT_EQ(report->reads.submitted, 14u);
  EXPECT_EQ(report->reads.completed, 14u);
}

/// 0 if many empty files in a row, around one with bytes, are read with few descriptors.
int IngestEmptyFilesWithFewDescriptors() {
  constexpr u32 kFiles = 200;
  std::deque<TempFile> files;  // each has a descriptor of its own
  std::vector<std::string> names;
  for (u32 i = 0; i < kFiles; ++i) names.push_back(files.emplace_back(i == 50 ? 100'000 : 0).path());
  const rlimit limit = {kFiles + 50, kFiles + 50};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 2;
  const auto report = IngestFiles(names, Small());
  if (!report.ok() || !report->status.ok()) std::cerr << report.status() << report->status;
  return report.ok() && report->status.ok() && report->statistics.bytes == 100'000 ? 0 : 1;
}

TEST(IngestDeathTest, KeepsOnlyAFewEmptyFilesOpenAtOnce) {
  EXPECT_EXIT(_exit(IngestEmptyFilesWithFewDescriptors()), testing::ExitedWithCode(0), "");
}

TEST(Ingest, TakesChunksInARandomOrderWhereThatMakesNoDifference) {
  const TempFile file(1'000'001);
  const auto histogram = [&](std::optional<uint64_t> seed) {
    IngestOptions options = Small();
    options.shuffle_seed = seed;
    const std::unique_ptr<Device> device = MakeDevice();
    const std::unique_ptr<Operation> operation = MakeHistogramOperation();
    return Ingest(*device, {file.path()}, *operation, options);
  };
  const auto in_order = histogram(std::nullopt);
  const auto random = histogram(9);
  ASSERT_TRUE(in_order.ok() && random.ok() && random->status.ok()) << random.status();
  EXPECT_EQ(random->statistics.bytes, 1'000'001u);
  EXPECT_EQ(random->sources[0].result.histogram, in_order->sources[0].result.histogram);
  EXPECT_EQ(random->reads.completed, in_order->reads.completed);
}

TEST(Ingest, RefusesARandomOrderForAnOperationThatFoldsInOrder) {
  const TempFile file(10'000);
  IngestOptions options = Small();
  options.shuffle_seed = 9;
  const auto report = IngestFiles({file.path()}, options);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(RemedyOf(report.status()), HasSubstr("shuffle_seed"));
}

/// Two mappings of the same pages stand for a window: reads go through the one, the device knows only the other.
TEST(Ingest, ReadsThroughTheMappingAndWorksAtTheDevicesAddress) {
  constexpr size_t kBytes = 64 << 10;
  const FileDescriptor pages(memfd_create("window", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(pages.get(), kBytes), 0);
  DeviceMemory of_host = MapDmaBuf(pages.get(), kBytes, "a window").value();
  const DeviceMemory of_device = MapDmaBuf(pages.get(), kBytes, "the device's").value();
  ASSERT_NE(of_host.memory.data(), of_device.memory.data());
  of_host.device_address = reinterpret_cast<uintptr_t>(of_device.memory.data());
  const TempFile file(300'000);
  IngestOptions options = Small();
  options.make_pool = PoolsIn(of_host);
  const auto report = IngestFiles({file.path()}, options);
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  EXPECT_EQ(report->sources[0].result.crc32c, PatternCrc(300'000));
  EXPECT_EQ(report->pages, "device memory");
  // At another address the same run comes to other bytes: it is this one that the device reads from.
  const BufferPool elsewhere = BufferPool::Create({kBytes, 1}).value();
  of_host.device_address = reinterpret_cast<uintptr_t>(elsewhere.memory().data());
  options.make_pool = PoolsIn(of_host);
  EXPECT_NE(IngestFiles({file.path()}, options)->sources[0].result.crc32c, PatternCrc(300'000));
}

TEST(Ingest, MixesPathsInOneRun) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "there is no tmpfs. Fix: mount one at /dev/shm.";
  const TempFile on_disk(300'000);
  const TempFile in_memory(200'000, "/dev/shm");
  const auto report = IngestFiles({on_disk.path(), in_memory.path(), on_disk.path(), in_memory.path()}, Small());
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  for (const u32 i : {0, 2}) EXPECT_EQ(report->sources[i].result.crc32c, PatternCrc(300'000));
  for (const u32 i : {1, 3}) {
    EXPECT_EQ(report->sources[i].result.crc32c, PatternCrc(200'000));
    EXPECT_EQ(report->sources[i].path, ReadPath::kPread);
    ASSERT_EQ(report->sources[i].refusals.size(), 1u);
    EXPECT_THAT(report->sources[i].refusals[0].cause, HasSubstr("tmpfs"));
  }
}

TEST(Ingest, ReadsTheSameExtentOfEverySource) {
  const TempFile first(100'000);
  const TempFile second(50'000);
  for (const auto path : {std::optional<ReadPath>(), std::optional(ReadPath::kPread)}) {
    IngestOptions options = Small(path);
    options.offset_bytes = 8192;
    options.length_bytes = 30'001;
    const auto report = IngestFiles({first.path(), second.path()}, options);
    ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
    for (const SourceReport& source : report->sources) {
      EXPECT_EQ(source.bytes, 30'001u);
      EXPECT_EQ(source.result.crc32c, PatternCrc(8192, 30'001));
    }
  }
}

TEST(Ingest, RefusesAnExtentPastTheEndForThatSourceOnly) {
  const TempFile small(10'000);
  const TempFile large(100'000);
  IngestOptions options = Small();
  options.offset_bytes = 8192;
  options.length_bytes = 8192;
  const auto report = IngestFiles({small.path(), large.path()}, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->sources[0].status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(CauseOf(report->sources[0].status), HasSubstr("which has 10000 bytes"));
  EXPECT_TRUE(report->sources[1].status.ok());
  EXPECT_EQ(report->sources[1].result.crc32c, PatternCrc(8192, 8192));
}

TEST(Ingest, StepsDownFromDirectReadsWhereTheOffsetIsNotAligned) {
  const TempFile file(100'000);
  if (file.Open().support(ReadPath::kRead).fd < 0) GTEST_SKIP() << "no direct I/O here. Fix: run on a disk file system.";
  IngestOptions options = Small();
  options.offset_bytes = 1001;
  const auto report = IngestFiles({file.path()}, options);
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  EXPECT_EQ(report->sources[0].path, ReadPath::kPread);
  ASSERT_EQ(report->sources[0].refusals.size(), 1u);
  EXPECT_THAT(report->sources[0].refusals[0].cause, HasSubstr("offset 1001"));
  EXPECT_EQ(report->sources[0].result.crc32c, PatternCrc(1001, 100'000 - 1001));

  options.path = ReadPath::kRead;
  const auto demanded = IngestFiles({file.path()}, options);
  ASSERT_TRUE(demanded.ok()) << demanded.status();
  EXPECT_EQ(demanded->status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Ingest, NeverStepsDownFromAPathThatWasDemanded) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "there is no tmpfs. Fix: mount one at /dev/shm.";
  const TempFile file(10'000, "/dev/shm");
  const auto report = IngestFiles({file.path()}, Small(ReadPath::kRead));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(report->sources[0].bytes, 0u);
}

TEST(Ingest, StepsDownAndSaysWhyWhereIoUringIsRefused) {
  const TempFile file(50'000);
  const std::string answer = RunInChild([&]() -> std::string {
    if (!RefuseSystemCall(__NR_io_uring_setup, EPERM)) return "no seccomp";
    const auto report = IngestFiles({file.path()}, Small());
    if (!report.ok() || !report->status.ok()) return std::string(report.status().message());
    const SourceReport& source = report->sources[0];
    if (source.path != ReadPath::kPread || source.result.crc32c != PatternCrc(50'000)) return "not read by pread";
    return source.refusals.empty() ? "no refusal" : source.refusals[0].cause + " | " + source.refusals[0].remedy;
  });
  if (answer == "no seccomp") GTEST_SKIP() << "no seccomp filters. Fix: run on a kernel with CONFIG_SECCOMP_FILTER.";
  EXPECT_THAT(answer, HasSubstr("EPERM"));
  EXPECT_THAT(answer, HasSubstr("io_uring_disabled"));
}

TEST(Ingest, CountsTheBytesThatTheCpuCopied) {
  const TempFile file(123'456);
  const auto report = IngestFiles({file.path()}, Small(ReadPath::kPread));
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  EXPECT_EQ(report->bounce_bytes, 123'456u);
}

TEST(Ingest, RefusesADeviceThatRunsAlready) {
  const std::unique_ptr<Device> device = MakeDevice();
  ASSERT_TRUE(device->Start().ok());
  const std::unique_ptr<Operation> operation = MakeCrc32cOperation();
  const std::vector<std::string> sources = {"nowhere"};
  EXPECT_EQ(Ingest(*device, sources, *operation, Small()).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace penstock
