// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whole runs on files: what they count, how they end, and what they prove.
#include "benchmarks/bench/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "benchmarks/bench/result_file.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "tests/driver/temp_file.h"

namespace penstock::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kFileBytes = 4u << 20;

Job JobOn(const TempFile& file, ReadPath path = ReadPath::kPread) {
  Job job;
  job.volumes = {file.path()};
  job.access = Access::kRandRead;
  job.path = path;
  job.iodepth = 4;
  job.runtime_seconds = 0.3;
  job.ramp_seconds = 0.05;
  return job;
}

bool CanReadDirectly(const TempFile& file) { return file.Open().Supports(ReadPath::kRead); }

void ExpectSound(const RunResult& run) {
  EXPECT_EQ(run.verdict, Verdict::kOk) << run.status;
  EXPECT_THAT(run.proof.contradictions, IsEmpty());
  EXPECT_GT(run.reads, 0u);
  EXPECT_EQ(run.bytes, run.reads * run.job.min_block_bytes);
  EXPECT_EQ(run.latency.total.count, run.reads);
  EXPECT_GT(run.proof.all_reads, run.reads) << "those of the ramp are not counted";
  EXPECT_NEAR(run.seconds, run.job.runtime_seconds, 1e-9);
  EXPECT_GT(run.usage.system_calls, 0u);
  EXPECT_GT(run.proof.checked_bytes + run.proof.verified_bytes, 0u);
  double stages = 0;
  for (const Latency& stage : run.latency.stage.of) stages += stage.mean_ns;
  EXPECT_NEAR(stages, run.latency.total.mean_ns, run.latency.total.mean_ns * 0.001);
}

class RunOverPaths : public testing::TestWithParam<ReadPath> {};

INSTANTIATE_TEST_SUITE_P(Paths, RunOverPaths, testing::Values(ReadPath::kRead, ReadPath::kPread),
                         [](const auto& path) { return std::string(ReadPathName(path.param)); });

TEST_P(RunOverPaths, MeasuresReadsWithoutADevice) {
  const TempFile file(kFileBytes);
  if (GetParam() == ReadPath::kRead && !CanReadDirectly(file)) GTEST_SKIP() << "no direct I/O here";
  const RunResult run = RunJob(JobOn(file, GetParam()), {});
  ExpectSound(run);
  EXPECT_EQ(run.latency.stage[Stage::kLanded].count, 0u);
  EXPECT_EQ(run.proof.bytes_copied_by_cpu, GetParam() == ReadPath::kPread ? run.proof.all_bytes : 0);
}

TEST_P(RunOverPaths, SendsEveryReadThroughTheKernelOfADevice) {
  const TempFile file(kFileBytes);
  if (GetParam() == ReadPath::kRead && !CanReadDirectly(file)) GTEST_SKIP() << "no direct I/O here";
  Job job = JobOn(file, GetParam());
  job.runner = Runner::kCpu;
  job.operation = "crc32c";
  const RunResult run = RunJob(job, {});
  ExpectSound(run);
  for (size_t i = 0; i < kStageCount; ++i) EXPECT_EQ(run.latency.stage.of[i].count, run.reads) << kStageNames[i];
  EXPECT_GT(run.latency.stage[Stage::kDone].min_ns, 0u) << "a handler that looks at every byte takes some time";
  EXPECT_EQ(run.device, "cpu");
}

TEST(Run, CountsWhatAllItsJobsRead) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.numjobs = 3;
  job.batch_submit = 2;
  job.batch_complete = 2;
  job.huge_pages = false;
  const RunResult run = RunJob(job, {});
  ExpectSound(run);
  EXPECT_EQ(run.pages, "4 KiB");
}

TEST(Run, ReadsBlocksOfSizesFromTo) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.max_block_bytes = 4 * job.min_block_bytes;
  const RunResult run = RunJob(job, {});
  EXPECT_EQ(run.verdict, Verdict::kOk) << run.status;
  EXPECT_THAT(run.proof.contradictions, IsEmpty());
  const double mean_bytes = static_cast<double>(run.bytes) / static_cast<double>(run.reads);
  EXPECT_NEAR(mean_bytes, 2.5 * 4096, 4096);
}

TEST(Run, KeepsToARate) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.rate_reads = 500;
  job.runtime_seconds = 1.2;
  const RunResult run = RunJob(job, {});
  ExpectSound(run);
  EXPECT_NEAR(static_cast<double>(run.reads), 600, 60);
  ASSERT_FALSE(run.series.empty());
  EXPECT_NEAR(static_cast<double>(run.series.front().reads), 500, 60);

  job.rate_reads = 0;
  job.rate_bytes = 500 * 4096;
  EXPECT_NEAR(static_cast<double>(RunJob(job, {}).reads), 600, 60);
}

TEST(Run, FailsIfNoReadEnded) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.runtime_seconds = 0.001;
  job.ramp_seconds = 0.1;
  job.rate_reads = 1;
  const RunResult run = RunJob(job, {});
  EXPECT_EQ(run.verdict, Verdict::kFailed);
  EXPECT_EQ(run.reads, 0u);
  EXPECT_EQ(CauseOf(run.status), "no read ended in the 0.001 s that were measured");
  EXPECT_THAT(RemedyOf(run.status), HasSubstr("a longer runtime"));
}

/// A read that is due while the one before it takes its time has waited, although nobody had begun it.
TEST(Run, CountsTheTimeForWhichAReadIsLate) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.iodepth = 1;
  job.rate_reads = 10'000'000;  // Nothing is as fast.
  const RunResult run = RunJob(job, {});
  EXPECT_EQ(run.verdict, Verdict::kOk) << run.status;
  EXPECT_GT(run.latency.total.p50_ns, 100 * run.latency.stage[Stage::kDevice].p50_ns);
  EXPECT_GT(run.latency.total.max_ns, static_cast<uint64_t>(0.2e9)) << "the backlog of 0.3 s";
}

TEST(Run, ComparesEveryByteWithAPatternInTheKernel) {
  TempFile file(0);
  std::string text;
  while (text.size() < kFileBytes) text += "penstock";
  file.Write(text);
  Job job = JobOn(file);
  job.runner = Runner::kCpu;
  job.operation = "verify";
  job.pattern = "penstock";
  const RunResult good = RunJob(job, {});
  ExpectSound(good);
  EXPECT_EQ(good.proof.verified_bytes, good.proof.all_bytes);

  text[kFileBytes / 2] = '!';
  file.Write(text);
  const RunResult bad = RunJob(job, {});
  EXPECT_EQ(bad.verdict, Verdict::kFailed);
  EXPECT_THAT(std::string(bad.status.message()), HasSubstr(absl::StrCat("not the pattern at byte ", kFileBytes / 2)));
}

TEST(Run, EndsWhenItIsToldTo) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.runtime_seconds = 60;
  std::atomic<bool> cancel = false;
  std::thread user([&] {
    absl::SleepFor(absl::Milliseconds(300));
    cancel = true;
  });
  const uint64_t begin_ns = MonotonicNs();
  const RunResult run = RunJob(job, {.cancel = &cancel});
  user.join();
  EXPECT_LT(MonotonicNs() - begin_ns, 10'000'000'000u);
  EXPECT_EQ(run.verdict, Verdict::kPartial);
  EXPECT_GT(run.reads, 0u);
  EXPECT_LT(run.seconds, 5);
}

TEST(Run, FailsWithWhatItHasWhenAVolumeBecomesShorter) {
  TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.runtime_seconds = 30;
  std::thread user([&] {
    absl::SleepFor(absl::Milliseconds(300));
    file.Resize(4096);
  });
  const RunResult run = RunJob(job, {});
  user.join();
  EXPECT_EQ(run.verdict, Verdict::kFailed);
  EXPECT_THAT(std::string(run.status.message()), HasSubstr("while it was read"));
  EXPECT_GT(run.reads, 0u);
  EXPECT_LT(run.seconds, 20) << "it does not go on without what it reads";
}

TEST(Run, IsRefusedWithARemedyWhereNothingCanBeRead) {
  const TempFile file(kFileBytes);
  Job missing = JobOn(file);
  missing.volumes = {"/nowhere/at/all"};
  Job wrong_path = JobOn(file, ReadPath::kNvme);
  Job too_far = JobOn(file);
  too_far.offset_bytes = kFileBytes;
  Job no_node = JobOn(file);
  no_node.numa = 1000;
  const std::pair<Job, const char*> cases[] = {{missing, "/nowhere/at/all"},
                                               {wrong_path, "is no NVMe namespace"},
                                               {too_far, "bytes 4194304 to 4194304 of"},
                                               {no_node, "there is no NUMA node 1000 with processors"}};
  for (const auto& [job, cause] : cases) {
    const RunResult run = RunJob(job, {});
    EXPECT_EQ(run.verdict, Verdict::kRefused);
    EXPECT_THAT(CauseOf(run.status), HasSubstr(cause));
    EXPECT_THAT(RemedyOf(run.status), Not(IsEmpty()));
    EXPECT_EQ(run.reads, 0u);
  }
}

TEST(Run, IsRefusedBeforeItBeginsWhereTheVolumeCannotBePolled) {
  const TempFile file(kFileBytes);
  if (!CanReadDirectly(file)) GTEST_SKIP() << "no direct I/O here. Fix: run it in a folder of a disk.";
  Job job = JobOn(file, ReadPath::kRead);
  job.poll_device = true;
  const RunResult run = RunJob(job, {});
  if (run.verdict == Verdict::kOk) GTEST_SKIP() << "the disk here can be polled. Fix: run it in a folder of one that cannot.";
  EXPECT_EQ(run.verdict, Verdict::kRefused) << run.status;
  EXPECT_THAT(CauseOf(run.status), HasSubstr("iopoll: "));
  EXPECT_EQ(RemedyOf(run.status), "leave iopoll out");
}

TEST(Run, FailsOnAProcessorThatThereIsNot) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.cpus = {1023};
  const RunResult run = RunJob(job, {});
  EXPECT_EQ(run.verdict, Verdict::kFailed);
  EXPECT_THAT(CauseOf(run.status), HasSubstr("cannot run on processors 1023"));
  EXPECT_THAT(RemedyOf(run.status), HasSubstr("taskset -p"));
}

TEST(Run, ShowsHowItGoes) {
  const TempFile file(kFileBytes);
  Job job = JobOn(file);
  job.runtime_seconds = 0.6;
  job.ramp_seconds = 0.3;
  uint32_t looks = 0;
  uint32_t looks_at_the_ramp = 0;
  double most = 0;
  RunJob(job, {.live = [&](const LiveStatus& live) {
           ++(live.is_measured ? looks : looks_at_the_ramp);
           EXPECT_GE(live.seconds_left, live.is_measured ? 0 : 0.6);
           EXPECT_LE(live.seconds_left, live.is_measured ? 0.6 : 0.91);
           most = std::max(most, live.reads_per_second);
         }});
  EXPECT_GE(looks, 2u);
  EXPECT_GE(looks_at_the_ramp, 1u);
  EXPECT_GT(most, 0);
}

TEST(Measuring, CostsSomethingAndNotMuch) {
  const MeasuringCost cost = MeasureMeasuring();
  EXPECT_GT(cost.clock_ns, 0);
  EXPECT_GT(cost.read_ns, 2 * cost.clock_ns);
  EXPECT_LT(cost.read_ns, 100'000);
}

TEST(ResultFile, HasEveryRunWithItsJobAndItsProof) {
  const TempFile file(kFileBytes);
  BenchResult result;
  result.command_line = {"penstock", "bench", file.path()};
  result.started = "2026-11-21T00:00:00Z";
  result.runs.push_back(RunJob(JobOn(file), {}));
  Job again = JobOn(file);
  again.loop = 1;
  result.runs.push_back(RunJob(again, {}));
  result.runs.push_back(RunJob(JobOn(file, ReadPath::kNvme), {}));

  const auto json = nlohmann::json::parse(FormatJson(result));
  EXPECT_EQ(json["schema"], kResultSchema);
  ASSERT_EQ(json["run"].size(), 3u);
  EXPECT_EQ(json["run"][0]["status"], "ok");
  EXPECT_EQ(json["run"][0]["job"]["path"], "pread");
  EXPECT_EQ(json["run"][0]["latency_ns"]["total"]["count"], json["run"][0]["reads"]);
  EXPECT_TRUE(json["run"][0]["latency_ns"]["done"].is_null());
  EXPECT_EQ(json["run"][2]["status"], "refused");
  EXPECT_FALSE(json["run"][2]["error"]["remedy"].get<std::string>().empty());
  ASSERT_EQ(json["spread"].size(), 1u);
  EXPECT_EQ(json["spread"][0]["run"], (std::vector<int>{0, 1}));

  const std::string table = FormatTable(result);
  EXPECT_THAT(table, HasSubstr("pread  randread    4.00 KiB"));
  EXPECT_THAT(table, HasSubstr("refused: "));
  EXPECT_THAT(table, HasSubstr("median of 2 runs"));
  EXPECT_THAT(table, HasSubstr("measuring takes"));

  const std::string csv = FormatCsv(result);
  const auto lines = std::count(csv.begin(), csv.end(), '\n');
  EXPECT_EQ(lines, 4);
  const size_t columns = static_cast<size_t>(std::count(csv.begin(), csv.begin() + static_cast<long>(csv.find('\n')), ','));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), ','), static_cast<long>(4 * columns)) << "every line has every column";
}

}  // namespace
}  // namespace penstock::bench
