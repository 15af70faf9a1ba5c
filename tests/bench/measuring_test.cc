// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is made of what was measured: stages, steadiness, spread, proof.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "benchmarks/bench/live_line.h"
#include "benchmarks/bench/metrics.h"
#include "benchmarks/bench/proof.h"
#include "benchmarks/bench/result_file.h"
#include "benchmarks/bench/stages.h"
#include "benchmarks/bench/steady.h"
#include "penstock/file_descriptor.h"

namespace penstock::bench {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Stages, AddUpToTheTotal) {
  Stages stages;
  stages.Record({.due_ns = 100,
                 .handed_ns = 110,
                 .taken_ns = 150,
                 .published_ns = 153,
                 .claimed_ns = 160,
                 .done_ns = 200,
                 .ended_ns = 220});
  EXPECT_EQ(stages.stage[Stage::kQueued].max_ns(), 10u);
  EXPECT_EQ(stages.stage[Stage::kDevice].max_ns(), 40u);
  EXPECT_EQ(stages.stage[Stage::kLanded].max_ns(), 3u);
  EXPECT_EQ(stages.stage[Stage::kClaimed].max_ns(), 7u);
  EXPECT_EQ(stages.stage[Stage::kDone].max_ns(), 40u);
  EXPECT_EQ(stages.stage[Stage::kReaped].max_ns(), 20u);
  EXPECT_EQ(stages.total.max_ns(), 120u);
}

TEST(Stages, HaveNothingOfTheKernelWithoutADevice) {
  Stages stages;
  stages.Record({.due_ns = 100, .handed_ns = 110, .taken_ns = 150, .ended_ns = 150});
  for (size_t i = 0; i < kStageCount; ++i) EXPECT_EQ(stages.stage.of[i].count(), i < kHostStageCount ? 1u : 0u) << kStageNames[i];
  EXPECT_EQ(stages.total.max_ns(), 50u);
}

/// Looks once a second at a rate that changes as told.
bool IsSteadyAfter(double fraction, const std::vector<uint64_t>& reads_of_each_second) {
  Steadiness steady(fraction);
  uint64_t now_ns = 1'000'000'000;
  uint64_t reads = 0;
  bool is_steady = steady.Look(now_ns, reads);
  for (const uint64_t more : reads_of_each_second) is_steady = steady.Look(now_ns += 1'000'000'000, reads += more);
  return is_steady;
}

TEST(Steadiness, IsTenSecondsOfAboutTheSameRate) {
  const std::vector<uint64_t> ten(10, 1000);
  EXPECT_TRUE(IsSteadyAfter(0.02, ten));
  EXPECT_FALSE(IsSteadyAfter(0.02, std::vector<uint64_t>(9, 1000))) << "not before ten seconds";
  EXPECT_FALSE(IsSteadyAfter(0.02, {1000, 1000, 1000, 1000, 1030, 1000, 1000, 1000, 1000, 1000}));
  EXPECT_TRUE(IsSteadyAfter(0.04, {1000, 1000, 1000, 1000, 1030, 1000, 1000, 1000, 1000, 1000}));
  EXPECT_TRUE(IsSteadyAfter(0.02, {9000, 5000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}));
  EXPECT_FALSE(IsSteadyAfter(0, ten)) << "it was not asked for";
  EXPECT_FALSE(IsSteadyAfter(0.02, std::vector<uint64_t>(20, 0))) << "standing still is not steady";
}

TEST(Spread, IsMedianRangeAndDeviation) {
  const Spread spread = SpreadOf({90, 110, 100, 100});
  EXPECT_EQ(spread.median, 100);
  EXPECT_EQ(spread.min, 90);
  EXPECT_EQ(spread.max, 110);
  EXPECT_NEAR(spread.relative_deviation, 0.0816, 1e-4);
  EXPECT_EQ(SpreadOf({5}).relative_deviation, 0);
}

TEST(Repetitions, AreGoodRunsOfOnePoint) {
  RunResult run;
  run.seconds = 1;
  std::vector<RunResult> runs(6, run);
  runs[1].job.iodepth = 8;
  runs[3].verdict = Verdict::kDisagrees;
  runs[4].job.iodepth = 8;
  runs[4].job.loop = 1;
  EXPECT_THAT(Repetitions(runs), ElementsAre(ElementsAre(0, 2, 5), ElementsAre(1, 4)));
  runs[5].job.rate_reads = 100;
  EXPECT_THAT(Repetitions(runs), ElementsAre(ElementsAre(0, 2), ElementsAre(1, 4))) << "a job of its own, whatever its name";
}

Proof GoodProof(ReadPath path) {
  Proof proof;
  proof.all_reads = 1000;
  proof.all_bytes = 4'096'000;
  if (path == ReadPath::kPread) proof.bytes_copied_by_cpu = proof.all_bytes;
  if (path == ReadPath::kRead) proof.blocks = {{.device = "nvme0n1", .reads = 900, .bytes = 4'096'000}};
  if (path == ReadPath::kNvme) {
    proof.commands = 1000;
    proof.controllers.emplace_back().read_commands = 1001;
  }
  return proof;
}

std::vector<std::string> ContradictionsOf(ReadPath path, Proof proof) {
  FindContradictions(path, proof);
  return proof.contradictions;
}

TEST(Proof, HasNothingAgainstARunThatIsWhatItSays) {
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) {
    EXPECT_THAT(ContradictionsOf(path, GoodProof(path)), IsEmpty()) << std::string(ReadPathName(path));
  }
}

TEST(Proof, FindsReadsThatTheBlockLayerMadeInsteadOfUs) {
  Proof proof = GoodProof(ReadPath::kNvme);
  proof.controllers[0].block_layer_reads = 50;  // somebody else's
  EXPECT_THAT(ContradictionsOf(ReadPath::kNvme, proof), IsEmpty());
  proof.controllers[0].block_layer_reads = 1000;
  EXPECT_THAT(ContradictionsOf(ReadPath::kNvme, proof), ElementsAre(HasSubstr("the block layer sent 1000 reads")));
}

TEST(Proof, FindsCommandsThatTheControllerDidNotSee) {
  Proof proof = GoodProof(ReadPath::kNvme);
  proof.controllers[0].read_commands = 500;
  EXPECT_THAT(ContradictionsOf(ReadPath::kNvme, proof), ElementsAre(HasSubstr("executed 500 read commands, and 1000")));
  proof.controllers[0].status = absl::PermissionDeniedError("no");
  FindContradictions(ReadPath::kNvme, proof);
  EXPECT_THAT(proof.contradictions, IsEmpty()) << "what cannot be read contradicts nothing";
  EXPECT_THAT(proof.remarks, ElementsAre(HasSubstr("for root")));
}

TEST(Proof, FindsReadsWithoutACommand) {
  Proof proof = GoodProof(ReadPath::kNvme);
  proof.commands = 10;
  EXPECT_THAT(ContradictionsOf(ReadPath::kNvme, proof), ElementsAre(HasSubstr("only 10 NVMe commands")));
}

TEST(Proof, FindsBytesThatCameOutOfACache) {
  Proof proof = GoodProof(ReadPath::kRead);
  proof.blocks[0].bytes = 1'000'000;
  EXPECT_THAT(ContradictionsOf(ReadPath::kRead, proof),
              ElementsAre(HasSubstr("out of a cache, or are holes or unwritten extents of a file")));
  proof.blocks.clear();
  EXPECT_THAT(ContradictionsOf(ReadPath::kRead, proof), IsEmpty()) << "nobody counts";
}

TEST(Proof, FindsCopiesByTheCpuAndTheirAbsence) {
  Proof direct = GoodProof(ReadPath::kRead);
  direct.bytes_copied_by_cpu = 4096;
  EXPECT_THAT(ContradictionsOf(ReadPath::kRead, direct), ElementsAre(HasSubstr("the CPU copied 4096 bytes")));
  Proof copied = GoodProof(ReadPath::kPread);
  copied.bytes_copied_by_cpu = 0;
  EXPECT_THAT(ContradictionsOf(ReadPath::kPread, copied), ElementsAre(HasSubstr("copies every byte once")));
}

TEST(BlockStatistics, AreReadsAndSectors) {
  const BlockCounts counts = ParseBlockStatistics("    1234     5   8000  99 0 0 0 0 0 0 0\n");
  EXPECT_EQ(counts.reads, 1234u);
  EXPECT_EQ(counts.bytes, 8000u * 512);
  for (const char* const text : {"", "1 2", "a b c", "1 2 x"}) EXPECT_EQ(ParseBlockStatistics(text).reads, 0u) << text;
}

TEST(ResultJson, HasNoLatencyOfASecondWithoutARead) {
  BenchResult result;
  RunResult& run = result.runs.emplace_back();
  run.series = {{.reads = 2, .bytes = 8192, .p99_ns = 500}, {}};
  const auto json = nlohmann::json::parse(FormatJson(result));
  const auto& series = json["run"][0]["series"];
  EXPECT_EQ(series[0]["p99_ns"], 500);
  EXPECT_TRUE(series[1]["p99_ns"].is_null());
}

TEST(ResultTable, HasItsColumnsBeneathTheirNamesForEverySizeOfBlocks) {
  BenchResult result;
  for (const uint32_t most_bytes : {4096U, 1U << 20}) {
    RunResult& run = result.runs.emplace_back();
    run.job.max_block_bytes = most_bytes;
    run.job.iodepth = 64;
  }
  const std::vector<std::string> lines = absl::StrSplit(FormatTable(result), '\n');
  const size_t end = lines[0].find(" depth") + 6;
  for (const size_t row : {size_t{1}, size_t{2}}) EXPECT_EQ(lines[row].substr(0, end).substr(end - 3), " 64") << lines[row];
}

TEST(ResultTable, HasNoLineThatANameMakes) {
  BenchResult result;
  for (const Verdict verdict : {Verdict::kRefused, Verdict::kFailed}) {
    RunResult& run = result.runs.emplace_back();
    run.verdict = verdict;
    run.status = absl::NotFoundError("a\nnvme\x1b[31m is not there");
  }
  EXPECT_THAT(FormatTable(result), AllOf(HasSubstr("refused: a\\nnvme\\x1b[31m is"), HasSubstr("failed: a\\nnvme\\x1b[31m is")));
}

TEST(ResultFile, SaysNothingOfTheProofOfARunThatDidNotEnd) {
  BenchResult result;
  for (const Verdict verdict : {Verdict::kOk, Verdict::kRefused, Verdict::kFailed, Verdict::kPartial, Verdict::kDisagrees}) {
    RunResult& run = result.runs.emplace_back();
    run.verdict = verdict;
    if (verdict == Verdict::kDisagrees) run.proof.contradictions = {"the CPU copied 4096 bytes"};
  }
  std::vector<std::string> in_json;
  const auto json = nlohmann::json::parse(FormatJson(result));
  for (const auto& run : json["run"]) in_json.push_back(run["proof"]["agrees"].dump());
  EXPECT_THAT(in_json, ElementsAre("true", "null", "null", "true", "false"));
  std::vector<std::string> in_csv;
  for (const absl::string_view line : absl::StrSplit(FormatCsv(result), '\n', absl::SkipEmpty())) {
    in_csv.emplace_back(line.substr(line.rfind(',') + 1));
  }
  EXPECT_THAT(in_csv, ElementsAre("agrees", "yes", "", "", "yes", "no"));
}

TEST(Metrics, AreUtf8WhateverAJobIsCalled) {
  Job job;
  job.name = "u\xff";
  EXPECT_THAT(MetricsText(job, {}), HasSubstr("{job=\"u\uFFFD\""));
}

TEST(Metrics, AreGaugesInBaseUnits) {
  Job job;
  job.name = "a \"b\"";
  const std::string text = MetricsText(job, {.is_measured = true, .reads_per_second = 1000, .p99_ns = 1'500'000});
  EXPECT_THAT(text,
              HasSubstr("# TYPE penstock_bench_reads_per_second gauge\npenstock_bench_reads_per_second{job=\"a \\\"b\\\"\""));
  EXPECT_THAT(text, HasSubstr("} 1000\n"));
  EXPECT_THAT(text, HasSubstr("} 0.0015\n"));
}

TEST(Metrics, HaveNoRateOfARunThatIsNotMeasured) {
  const std::string text = MetricsText(Job(), {.seconds_left = 3, .reads_per_second = 1000});
  EXPECT_THAT(text, HasSubstr("# TYPE penstock_bench_measuring gauge"));
  EXPECT_THAT(text, HasSubstr("} 0\n"));
  EXPECT_THAT(text, HasSubstr("} 3\n"));
  EXPECT_THAT(text, Not(HasSubstr("reads_per_second")));
}

std::string ReadAll(const std::string& name) {
  std::ifstream file(name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Metrics, AreReplacedInAFileAsAWhole) {
  const std::string name = testing::TempDir() + "/penstock_metrics.prom";
  const std::string link = testing::TempDir() + "/penstock_link.prom";
  const std::string first = MetricsText(Job(), {.seconds_left = 2});
  const std::string second = MetricsText(Job(), {.seconds_left = 1});
  std::remove(name.c_str());
  std::filesystem::remove(link);
  {
    const std::unique_ptr<Metrics> metrics = Metrics::Open(name).value();
    metrics->Update(first);
    EXPECT_EQ(ReadAll(name), first);
    metrics->Update(second);
  }
  EXPECT_EQ(ReadAll(name), second);
  std::filesystem::create_symlink(name, link);
  Metrics::Open(link).value()->Update(first);
  EXPECT_EQ(ReadAll(name), first);
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  std::remove(name.c_str());
  EXPECT_EQ(Metrics::Open("/nowhere/at/all").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Metrics::Open(link).status().code(), absl::StatusCode::kInvalidArgument) << "it leads to nothing";
  std::filesystem::remove(link);
}

TEST(Metrics, ReplaceNothingThatIsNotTheirs) {
  const std::string name = testing::TempDir() + "/penstock_mine";
  for (const char* const text : {"", "# HELP", "# HELP node_cpu_seconds_total CPU time.\n",
                                 "# HELP penstock_bench_info 1, with what made the result as labels.\n"}) {
    std::ofstream(name, std::ios::trunc) << text;
    const absl::Status status = Metrics::Open(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("it would be lost. Fix: give --metrics a file that is not there yet"));
    EXPECT_EQ(ReadAll(name), text);
  }
  std::remove(name.c_str());
  for (const std::string& other : {std::string("/dev/null"), testing::TempDir()}) {
    EXPECT_EQ(Metrics::Open(other).status().code(), absl::StatusCode::kInvalidArgument) << other;
  }
}

TEST(Metrics, AnswerOnALoopbackPortThatIsTheirs) {
  constexpr char kWhere[] = "127.0.0.1:19273";
  const absl::StatusOr<std::unique_ptr<Metrics>> metrics = Metrics::Open(kWhere);
  if (!metrics.ok()) GTEST_SKIP() << metrics.status();
  (*metrics)->Update("penstock_bench_up 1\n");
  const std::string answer = testing::TempDir() + "/penstock_answer";
  const std::string ask = absl::StrCat("python3 -c \"import urllib.request as r; print(r.urlopen('http://", kWhere,
                                       "/metrics').read().decode())\" > ", answer);
  EXPECT_EQ(std::system(ask.c_str()), 0);
  EXPECT_THAT(ReadAll(answer), HasSubstr("penstock_bench_up 1"));
  std::remove(answer.c_str());
  EXPECT_EQ(Metrics::Open(kWhere).status().code(), absl::StatusCode::kUnavailable) << "nobody shares it";
}

/// Asks a byte at a time, six seconds long or until nobody listens.
void AskSlowly(uint16_t port, const std::atomic<bool>& is_over) {
  const std::string question(30, 'G');
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const FileDescriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  for (size_t i = 0; i < question.size() && !is_over; ++i) {
    if (send(client.get(), &question[i], 1, MSG_NOSIGNAL) != 1) return;
    absl::SleepFor(absl::Milliseconds(200));
  }
}

TEST(Metrics, AreNotKeptFromEndingByASlowClient) {
  absl::StatusOr<std::unique_ptr<Metrics>> metrics = Metrics::Open("127.0.0.1:19274");
  if (!metrics.ok()) GTEST_SKIP() << metrics.status();
  std::atomic<bool> is_over = false;
  std::thread client([&] { AskSlowly(19274, is_over); });
  absl::SleepFor(absl::Milliseconds(500));
  const absl::Time begin = absl::Now();
  metrics->reset();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
  is_over = true;
  client.join();
}

TEST(LiveLine, TellsRateLatencyAndTimeLeft) {
  Job job;
  job.path = ReadPath::kNvme;
  job.access = Access::kRandRead;
  job.iodepth = 32;
  EXPECT_EQ(FormatLive(job, {.is_measured = true,
                             .seconds_left = 7.2,
                             .reads_per_second = 51234,
                             .bytes_per_second = 209'715'200,
                             .p99_ns = 1'200'000}),
            "nvme randread 4.00 KiB depth 32: 51234 IOPS, 200 MiB/s, p99 1.20 ms, 7 s left");
  EXPECT_THAT(FormatLive(job, {}), HasSubstr("warming up"));
}

TEST(LiveLine, IsNoLongerThanTheTerminalIsWide) {
  EXPECT_EQ(CutTo("nvme randread", 4), "nvme");
  EXPECT_EQ(CutTo("nvme randread", 13), "nvme randread");
  EXPECT_EQ(CutTo("nvme randread", 80), "nvme randread");
  EXPECT_EQ(CutTo("nvme randread", 0), "nvme randread") << "a terminal that does not say how wide it is";
}

}  // namespace
}  // namespace penstock::bench
