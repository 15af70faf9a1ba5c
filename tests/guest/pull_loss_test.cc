// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The same losses while the kernel asks for the bytes itself: no request is lost, each ends once, with its cause if it failed;
// the command says so, and ends with 1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "tests/guest/command_run.h"
#include "tests/guest/loss.h"

namespace penstock::guest {
namespace {

using layout::IoCause;
using testing::AllOf;
using testing::HasSubstr;

constexpr uint32_t kChunkBytes = 64 * 1024;

/// Of path read in a random order: the block layer would merge neighbours, and a slow disk be done before anything happens to it.
IngestOptions Loading(ReadPath path) {
  IngestOptions options = By(path, kChunkBytes, DepthBy(path));
  if (path == ReadPath::kRead) options.shuffle_seed = 1;
  return options;
}

/// The kernel was told of every request's end, once, and none was announced against the rules.
void ExpectEveryRequestEndedOnce(const IngestReport& report) {
  ExpectEveryReadEndedOnce(report);
  ASSERT_TRUE(report.service.has_value());
  const IoServiceCounts& counts = *report.service;
  EXPECT_EQ(std::accumulate(counts.ended.begin(), counts.ended.end(), uint64_t{0}), counts.requests);
  EXPECT_EQ(counts.protocol_errors, 0u);
}

uint64_t EndedBy(const IngestReport& report, IoCause cause) { return report.service->ended[static_cast<size_t>(cause)]; }

class PullReset : public testing::TestWithParam<ReadPath> {};

TEST_P(PullReset, UnderLoadLosesNoByteAndNoRequest) {
  const Disk disk = DiskOf("RESET");  // slow, so that there are always commands in flight
  Load load(PullCrc32c, {disk.char_node}, Loading(GetParam()));
  const int resets = ResetUnder(load, disk);
  const absl::StatusOr<IngestReport>& report = load.Report();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status.ok()) << report->status;
  EXPECT_EQ(report->sources.at(0).result.crc32c, CrcBy(GetParam(), disk));
  ExpectEveryRequestEndedOnce(*report);
  EXPECT_EQ(EndedBy(*report, IoCause::kNone), LengthBy(GetParam()).value_or(disk.bytes) / kChunkBytes);
  std::cout << resets << " resets, " << report->reads.resubmitted << " reads sent again" << std::endl;
}

INSTANTIATE_TEST_SUITE_P(, PullReset, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, PullReset, testing::Values(ReadPath::kBar), PathParameter);

class PullOverdue : public testing::TestWithParam<ReadPath> {};

TEST_P(PullOverdue, EndsRequestsThatTakeTooLongAndGoesOn) {
  const Disk slow = DiskOf("SLOW");
  const Disk sound = DiskOf("PLAIN");
  IngestOptions options = By(GetParam(), kChunkBytes, 64);
  options.shuffle_seed = 1;  // so that the block layer finds no neighbours to merge
  // At 100 reads a second 64 of them take longer, once the burst is used up; one of the other disk does not, on a busy host too.
  options.read_timeout = absl::Milliseconds(400);
  const auto report = PullCrc32c({slow.char_node, sound.char_node}, options);
  ASSERT_TRUE(report.ok()) << report.status();
  const SourceReport& late = report->sources.at(0);
  EXPECT_EQ(late.status.code(), absl::StatusCode::kDeadlineExceeded) << late.status;
  EXPECT_THAT(CauseOf(late.status), AllOf(HasSubstr("it took too long"), HasSubstr(slow.char_node)));
  EXPECT_EQ(late.result.crc32c, slow.content.Crc32c(0, late.bytes)) << "what came before is right";
  EXPECT_TRUE(report->sources.at(1).status.ok()) << "the other source must not suffer: " << report->sources[1].status;
  EXPECT_EQ(report->sources.at(1).result.crc32c, sound.crc32c);
  ExpectEveryRequestEndedOnce(*report);
  EXPECT_GT(EndedBy(*report, IoCause::kTimedOut), 0u);
  EXPECT_EQ(EndedBy(*report, IoCause::kTimedOut) + EndedBy(*report, IoCause::kNone), report->service->requests);
  std::cout << EndedBy(*report, IoCause::kTimedOut) << " of " << report->service->requests << " took too long" << std::endl;
}

INSTANTIATE_TEST_SUITE_P(, PullOverdue, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);

class PullUnplugged : public testing::TestWithParam<ReadPath> {};

TEST_P(PullUnplugged, ControllerEndsEachRequestOfItsSourceWithACause) {
  IngestReport report;
  ASSERT_NO_FATAL_FAILURE(ExpectUnpluggedSourceEndsAlone(PullCrc32c, Loading(GetParam()), report));
  ExpectEveryRequestEndedOnce(report);
  EXPECT_GT(report.reads.failed, 0u);
}

INSTANTIATE_TEST_SUITE_P(, PullUnplugged, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, PullUnplugged, testing::Values(ReadPath::kBar), PathParameter);

TEST(PullCommand, SaysThatAControllerIsGoneAndEndsWithOne) {
  const Disk disk = DiskOf("PULLED_command");
  const auto reads_so_far = [stat = "/sys/block/" + disk.block_node.substr(sizeof("/dev/") - 1) + "/stat"] {
    return std::strtoull(ReadLine(stat).c_str(), nullptr, 10);
  };
  const uint64_t before = reads_so_far();
  auto running = std::async(std::launch::async, [&] {
    return RunCommand(absl::StrCat("/guest/penstock ingest ", disk.char_node,
                                   " --pull --path=read --op=crc32c --order=random --chunk=64KiB --depth=16 --json 2>/tmp/said"));
  });
  EXPECT_TRUE(Eventually([&] { return reads_so_far() > before + 20; }));
  AskHost("device_del id=PULLED_command");
  const CommandOutcome outcome = running.get();
  EXPECT_EQ(outcome.exit_status, 1);
  ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
  EXPECT_EQ(outcome.json["error"]["code"], "UNAVAILABLE");
  EXPECT_THAT(std::string(outcome.json["error"]["cause"]), HasSubstr(disk.char_node));
  EXPECT_NE(outcome.json["error"]["remedy"], "");
  EXPECT_EQ(outcome.json["source"][0]["error"], outcome.json["error"]);
  const nlohmann::json& reads = outcome.json["reads"];
  EXPECT_EQ(reads["submitted"].get<uint64_t>(), reads["completed"].get<uint64_t>() + reads["failed"].get<uint64_t>());
  EXPECT_GT(reads["failed"].get<uint64_t>(), 0u);
  EXPECT_THAT(RunCommand("cat /tmp/said").text, HasSubstr("Fix: "));
}

}  // namespace
}  // namespace penstock::guest
