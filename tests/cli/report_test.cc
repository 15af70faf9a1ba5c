// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "benchmarks/cli/progress_line.h"
#include "penstock/error.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

RunReport Example() {
  RunReport run;
  run.device = {"cpu", 7, DeviceRefusal{"hip:0", "no GPU can be used", "install its driver"}};
  IngestReport& report = run.ingest;
  SourceReport good;
  good.name = "good\xff.bin";
  good.bytes = 3'000'000;
  good.path = ReadPath::kPread;
  good.refusals = {{ReadPath::kRead, "no direct I/O", "use another file system"}};
  good.result.crc32c = 0x0123abcd;
  SourceReport bad;
  bad.name = "bad";
  bad.status = MakeErrnoError(absl::StatusCode::kNotFound, 2, What("bad cannot be opened"), Fix("name a file that exists"));
  report.sources = {good, bad};
  report.status = bad.status;
  report.seconds = 2;
  report.statistics.bytes = 3'000'000;
  report.statistics.read_latency.Record(1000);
  report.reads = {.submitted = 4, .completed = 3, .failed = 1, .resubmitted = 2};
  report.bounce_bytes = 3'000'000;
  report.paths = {{.path = ReadPath::kNvme, .bytes = 4096, .reads = {.submitted = 4, .completed = 3}, .commands = 7}};
  ControllerCounts counts;
  counts.controller.name = "nvme0";
  counts.controller.pci_address = "0000:00:04.0";
  counts.read_commands = 9;
  counts.block_layer_reads = 2;
  report.controllers = {counts, counts};
  report.controllers[1].status = MakeError(absl::StatusCode::kPermissionDenied, What("the log is root's"), Fix("run as root"));
  return run;
}

TEST(Report, SaysHowLongRequestsOfTheKernelTook) {
  RunReport run = Example();
  run.ingest.service.emplace();
  run.ingest.service->requests = 100;
  run.ingest.service->batches = 10;
  run.ingest.service->service_ns = 5'000'000;
  run.ingest.service->transfer_ns = 3'000'000;
  run.ingest.statistics.read_latency = {};
  const std::string text = FormatReport({}, run);
  EXPECT_THAT(text, testing::HasSubstr("I/O service: 100 requests, told of in 10 batches; 50 us each, of that 30 us the read"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("latency")));
  EXPECT_EQ(nlohmann::json::parse(FormatReportJson({}, run))["io_service"]["service_ns"], 5'000'000);
}

TEST(Report, JsonHasEveryFieldThatIsPromised) {
  CommandLine line;
  line.operation = "crc32c";
  line.offset_bytes = 4096;
  const nlohmann::json json = nlohmann::json::parse(FormatReportJson(line, Example()));
  EXPECT_EQ(json["version"], PENSTOCK_VERSION);
  EXPECT_EQ(json["device"], "cpu");
  EXPECT_EQ(json["workgroups"], 7);
  EXPECT_EQ(json["device_refusal"],
            nlohmann::json({{"device", "hip:0"}, {"cause", "no GPU can be used"}, {"remedy", "install its driver"}}));
  EXPECT_EQ(json["offset_bytes"], 4096);
  EXPECT_TRUE(json["length_bytes"].is_null());
  EXPECT_EQ(json["seconds"], 2.0);
  EXPECT_EQ(json["bytes_per_second"], 1.5e6);
  EXPECT_EQ(json["bounce_bytes"], 3'000'000);
  EXPECT_EQ(json["reads"], nlohmann::json({{"submitted", 4}, {"completed", 3}, {"failed", 1}, {"resubmitted", 2}}));
  for (const char* percentile : {"p50", "p99", "p999", "max"}) EXPECT_TRUE(json["latency_ns"]["read"].contains(percentile));
  EXPECT_EQ(json["latency_ns"]["read"]["max"], 1000);
  EXPECT_TRUE(json["latency_ns"]["slot"].is_null()) << "none was measured";
  EXPECT_TRUE(json["io_service"].is_null());
  const auto& good = json["source"][0];
  EXPECT_EQ(good["crc32c"], "0123abcd");
  EXPECT_EQ(good["bytes"], 3'000'000);
  EXPECT_EQ(good["path"], "pread");
  EXPECT_EQ(good["refusals"][0]["remedy"], "use another file system");
  EXPECT_TRUE(good["error"].is_null());
  EXPECT_EQ(json["path"][0]["path"], "nvme");
  EXPECT_EQ(json["path"][0]["bytes"], 4096);
  EXPECT_EQ(json["path"][0]["nvme_commands"], 7);
  EXPECT_EQ(json["path"][0]["reads"]["completed"], 3);
  EXPECT_EQ(json["controller"][0]["pci_address"], "0000:00:04.0");
  EXPECT_EQ(json["controller"][0]["read_commands"], 9);
  EXPECT_EQ(json["controller"][0]["block_layer_reads"], 2);
  EXPECT_TRUE(json["controller"][1]["read_commands"].is_null());
  EXPECT_EQ(json["controller"][1]["error"]["remedy"], "run as root");
  const auto& bad = json["source"][1];
  EXPECT_TRUE(bad["path"].is_null());
  EXPECT_EQ(bad["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(bad["error"]["remedy"], "name a file that exists");
}

TEST(Report, TableTellsResultPathRefusalAndError) {
  const std::string text = FormatReport({}, Example());
  EXPECT_THAT(text, HasSubstr("2.86 MiB  pread  crc32c 0123abcd"));
  EXPECT_THAT(text, HasSubstr("not by read: no direct I/O. Fix: use another file system."));
  EXPECT_THAT(text, HasSubstr("FAILED  bad"));
  EXPECT_THAT(text, HasSubstr("Fix: name a file that exists."));
  EXPECT_THAT(text, HasSubstr("1.43 MiB/s"));
  EXPECT_THAT(text, HasSubstr("path nvme: 4.00 KiB in 3 reads"));
  EXPECT_THAT(text, HasSubstr("controller nvme0 0000:00:04.0: it counted 9 read commands, 2 of the block layer's"));
  EXPECT_THAT(text, HasSubstr("its own count is not known (the log is root's)"));
}

TEST(Report, NamesCannotMakeLinesOfTheirOwn) {
  RunReport run = Example();
  run.ingest.sources[0].name = "a\n  1 MiB  read   crc32c deadbeef  b\x1b[31m\x7f";
  EXPECT_THAT(FormatReport({}, run), HasSubstr("a\\n  1 MiB  read   crc32c deadbeef  b\\x1b[31m\\x7f\n"));
}

TEST(Report, HistogramNamesTheMostFrequentByte) {
  RunReport run = Example();
  run.ingest.sources[0].result = {.histogram = std::array<uint64_t, layout::kHistogramBins>{}};
  EXPECT_THAT(FormatReport({}, run), HasSubstr("no bytes to count"));
  (*run.ingest.sources[0].result.histogram)[0] = 7;
  EXPECT_THAT(FormatReport({}, run), HasSubstr("1 byte values, most often 0x00 (7)"));
}

TEST(Report, TellsWhatRanTheKernelAndWhyNotAGpu) {
  RunReport run = Example();
  EXPECT_THAT(FormatReport({}, run), HasSubstr("device cpu, 7 workgroups"));
  EXPECT_THAT(FormatReport({}, run), HasSubstr("\nnot on hip:0: no GPU can be used. Fix: install its driver.\n"));
  run.device = {"hip:1 (Some GPU, gfx90a)", 104, std::nullopt};
  EXPECT_THAT(FormatReport({}, run), HasSubstr("device hip:1 (Some GPU, gfx90a), 104 workgroups"));
  EXPECT_THAT(FormatReport({}, run), Not(HasSubstr("not on")));
  EXPECT_TRUE(nlohmann::json::parse(FormatReportJson({}, run))["device_refusal"].is_null());
}

TEST(Report, ProgressTellsShareRateAndTimeLeft) {
  constexpr uint64_t kGiB = 1u << 30;
  EXPECT_EQ(FormatProgress(kGiB, 4 * kGiB, 2), "1.00 GiB of 4.00 GiB, 25 %, 512 MiB/s, 6 s left");
  EXPECT_EQ(FormatProgress(kGiB, 0, 2), "1.00 GiB, 512 MiB/s");
  EXPECT_EQ(FormatProgress(0, kGiB, 0), "0 B of 1.00 GiB, 0 %, 0 B/s");
}

}  // namespace
}  // namespace penstock::cli
