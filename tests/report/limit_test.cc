// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/limit.h"

#include <gmock/gmock.h>

#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::HasSubstr;

/// Of the first run, beside the others.
Limit LimitOfFirst(std::vector<RunRecord> runs) {
  const std::vector<Result> results = {SampleResult(std::move(runs))};
  const std::vector<Point> points = PointsOf(results);
  return LimitOf(points[0], points);
}

RunRecord WithStages(double queued, double device, double landed, double kernel) {
  RunRecord run = SampleRun();
  run.stage[bench::Stage::kQueued]->mean = queued;
  run.stage[bench::Stage::kDevice]->mean = device;
  run.stage[bench::Stage::kLanded]->mean = landed;
  run.stage[bench::Stage::kClaimed]->mean = kernel / 4;
  run.stage[bench::Stage::kDone]->mean = kernel / 2;
  run.stage[bench::Stage::kReaped]->mean = kernel / 4;
  run.processor.ns_per_read = 100;
  return run;
}

TEST(Limit, ARateThatIsHeldIsTheLimit) {
  RunRecord run = SampleRun("nvme", 8, 99e3);
  run.job.rate_reads = 100e3;
  const Limit limit = LimitOfFirst({run});
  EXPECT_EQ(limit.kind, LimitKind::kRate);
  EXPECT_EQ(limit.reason, "100 k reads/s were asked for, and 99.0 k were made");
}

TEST(Limit, ARateIsOfEachJob) {
  RunRecord run = SampleRun("nvme", 8, 100e3);
  run.job.rate_reads = 100e3;
  run.job.numjobs = 2;
  EXPECT_NE(LimitOfFirst({run}).kind, LimitKind::kRate);
  run = SampleRun("nvme", 8, 100e3);
  run.job.rate_bytes = 204.8e6;
  run.job.numjobs = 2;
  EXPECT_EQ(LimitOfFirst({run}).kind, LimitKind::kRate);
}

TEST(Limit, AThreadThatIsBusyAllTheTimeIsTheLimit) {
  RunRecord run = SampleRun("pread", 8, 200e3);
  run.processor.ns_per_read = 4800;
  const Limit limit = LimitOfFirst({run});
  EXPECT_EQ(limit.kind, LimitKind::kProcessor);
  EXPECT_EQ(limit.reason,
            "4.80 µs of CPU time a read x 200 k reads/s keep 0.96 processors busy, of the 1 that its threads can have");
}

TEST(Limit, CpuTimeOfThreadsThatPollTellsNothing) {
  RunRecord run = SampleRun("nvme", 8, 200e3);
  run.processor.ns_per_read = 4999;
  run.job.poll_device = true;
  EXPECT_NE(LimitOfFirst({run}).kind, LimitKind::kProcessor);
  run.job.poll_device = false;
  run.job.kernel_thread = true;
  EXPECT_NE(LimitOfFirst({run}).kind, LimitKind::kProcessor);
}

TEST(Limit, AKernelOnTheCpuHasAllProcessors) {
  RunRecord run = SampleRun("nvme", 8, 200e3);
  run.processor.ns_per_read = 20000;
  run.job.device = "cpu";
  EXPECT_NE(LimitOfFirst({run}).kind, LimitKind::kProcessor);  // 4 of the sample's 8
  run.processor.ns_per_read = 39000;
  EXPECT_EQ(LimitOfFirst({run}).kind, LimitKind::kProcessor);
}

TEST(Limit, TimeInTheQueueUnderARateIsTooLittleDepth) {
  RunRecord run = WithStages(60000, 20000, 0, 0);
  run.job.rate_reads = 500e3;
  const Limit limit = LimitOfFirst({run});
  EXPECT_EQ(limit.kind, LimitKind::kQueue);
  EXPECT_EQ(limit.reason,
            "75 % of a read's 80.0 µs passes before it is handed to the kernel: the rate is more than depth 8 carries");
}

TEST(Limit, TimeInTheQueueOfABatch) {
  RunRecord run = WithStages(60000, 20000, 0, 0);
  run.job.batch_submit = 8;
  EXPECT_THAT(LimitOfFirst({run}).reason, HasSubstr("8 are gathered (batch_submit)"));
}

TEST(Limit, TimeAfterLandingIsTheKernelsOrTheRings) {
  const Limit limit = LimitOfFirst({WithStages(0, 20000, 1000, 60000)});
  EXPECT_EQ(limit.kind, LimitKind::kDeviceKernel);
  EXPECT_THAT(limit.reason, HasSubstr("in the device's kernel and its ring, most of it in the handler"));
  EXPECT_THAT(LimitOfFirst({WithStages(0, 20000, 60000, 1000)}).reason, HasSubstr("until a slot of the ring is free"));
  EXPECT_THAT(LimitOfFirst({WithStages(0, 38000, 21000, 21000)}).reason, HasSubstr("between landing and the kernel's end"));
}

TEST(Limit, AtTheDeviceMoreDepthTellsWhetherItIsDepthOrTheDevice) {
  Limit limit = LimitOfFirst({SampleRun("nvme", 8, 100e3), SampleRun("nvme", 32, 180e3), SampleRun("nvme", 64, 900e3)});
  EXPECT_EQ(limit.kind, LimitKind::kDepth);
  EXPECT_EQ(limit.reason, "88 % of a read's 80.0 µs is spent at the device, and depth 32 brings 1.80 times the reads");
  limit = LimitOfFirst({SampleRun("nvme", 8, 100e3), SampleRun("nvme", 32, 101e3)});
  EXPECT_EQ(limit.kind, LimitKind::kDevice);
  EXPECT_THAT(limit.reason, HasSubstr("depth 32 brings 1.01 times"));
}

TEST(Limit, AtTheGreatestDepthTheOneBelowTells) {
  Limit limit = LimitOfFirst({SampleRun("nvme", 8, 100e3), SampleRun("nvme", 4, 99e3), SampleRun("nvme", 1, 10e3)});
  EXPECT_EQ(limit.kind, LimitKind::kDevice);
  limit = LimitOfFirst({SampleRun("nvme", 8, 100e3), SampleRun("nvme", 4, 55e3)});
  EXPECT_EQ(limit.kind, LimitKind::kDepth);
  EXPECT_THAT(limit.reason, HasSubstr("no greater depth was measured"));
}

TEST(Limit, OtherPathsAndSizesTellNothingOfDepth) {
  RunRecord other_size = SampleRun("nvme", 32, 900e3);
  other_size.job.min_block_bytes = other_size.job.max_block_bytes = 8192;
  const Limit limit = LimitOfFirst({SampleRun("nvme", 8, 100e3), SampleRun("read", 32, 900e3), other_size});
  EXPECT_EQ(limit.kind, LimitKind::kDevice);
  EXPECT_THAT(limit.reason, HasSubstr("no other depth was measured"));
}

TEST(Limit, WithoutALargestStageThereIsNone) {
  EXPECT_EQ(LimitOfFirst({WithStages(27000, 27000, 0, 26000)}).kind, LimitKind::kMixed);
  EXPECT_EQ(LimitOfFirst({WithStages(0, 0, 0, 0)}).reason, "no stage was measured");
}

}  // namespace
}  // namespace penstock::report
