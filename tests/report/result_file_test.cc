// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/result_file.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"
#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::HasSubstr;

/// The sample with one change to it.
template <typename Change>
std::string Changed(const Change& change) {
  Json document = Json::parse(TextOf("every_status.json"));
  change(document);
  return document.dump();
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Result> result = ParseResult(text, "r");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(RemedyOf(result.status()).empty());
  return CauseOf(result.status());
}

TEST(ResultFile, ReadsARunOfEveryStatus) {
  const absl::StatusOr<Result> result = ParseResult(TextOf("every_status.json"), "r");
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->runs.size(), 5);
  EXPECT_EQ(result->processors(), 96);
  EXPECT_TRUE(result->partial);
  const RunRecord& good = result->runs[0];
  EXPECT_TRUE(good.Counts());
  EXPECT_EQ(good.job.path, "nvme");
  EXPECT_EQ(good.job.volumes, "/dev/ng0n1");
  EXPECT_EQ(good.job.numa, "");
  EXPECT_GT(good.iops, 0);
  EXPECT_GT(good.total.p99_99, good.total.p99);
  EXPECT_TRUE(good.stage[bench::Stage::kDone].has_value());
  EXPECT_EQ(good.series.size(), 3);
  EXPECT_TRUE(good.steady.value_or(false));
  EXPECT_FALSE(result->runs[1].stage[bench::Stage::kDone].has_value());
  EXPECT_FALSE(result->runs[1].steady.has_value());
  EXPECT_EQ(result->runs[2].status, RunStatus::kRefused);
  EXPECT_THAT(result->runs[2].cause, HasSubstr("needs a window"));
  EXPECT_THAT(result->runs[2].remedy, HasSubstr("penstock window reserve"));
  EXPECT_EQ(result->runs[3].status, RunStatus::kPartial);
  EXPECT_EQ(result->runs[4].status, RunStatus::kDisagrees);
}

TEST(ResultFile, OnlyARunThatEndedAndAgreesCounts) {
  RunRecord run = SampleRun();
  EXPECT_TRUE(run.Counts());
  run.proof.agrees = false;
  EXPECT_FALSE(run.Counts());
  run = SampleRun();
  run.status = RunStatus::kPartial;
  EXPECT_FALSE(run.Counts());
}

TEST(ResultFile, ARunWithoutAReadHasNoLatencyAndCountersMayBeMissing) {
  const std::string text = Changed([](Json& document) {
    Json& run = document["run"][3];
    run["reads"] = 0;
    for (const char* stage : {"total", "queued", "device", "landed", "claimed", "done", "reaped"})
      run["latency_ns"][stage] = nullptr;
    run["cpu"]["ns_per_read"] = run["cpu"]["system_calls_per_read"] = nullptr;
    run["series"][0]["p99_ns"] = nullptr;
    run["proof"]["commands"] = run["proof"]["controller"][0]["read_commands"] = nullptr;
  });
  const absl::StatusOr<Result> result = ParseResult(text, "r");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->runs[3].total.p99, 0);
  EXPECT_FALSE(result->runs[3].series[0].p99_ns.has_value());
  EXPECT_TRUE(result->runs[3].series[1].p99_ns.has_value());
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][0]["latency_ns"]["total"] = nullptr; })),
            "result r: /run/0/latency_ns/total is of type null, not object");
}

TEST(ResultFile, ReadsOfAllBlockDevicesAreAddedUp) {
  const std::string text = Changed([](Json& document) {
    Json& proof = document["run"][0]["proof"];
    proof["block"] = {{{"device", "a"}, {"reads", 3}, {"bytes", 1}}, {{"device", "b"}, {"reads", 4}, {"bytes", 1}}};
    proof["contradictions"] = {"too few"};
  });
  const absl::StatusOr<Result> result = ParseResult(text, "r");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->runs[0].proof.block_layer_reads, 7);
  EXPECT_EQ(result->runs[0].proof.contradictions, std::vector<std::string>{"too few"});
}

TEST(ResultFile, TextThatIsNoJsonIsRefusedWithItsPlace) {
  EXPECT_THAT(ErrorOf("IOPS=12k"), HasSubstr("result r is no JSON: parse error at line 1, column 1"));
  const std::string text = TextOf("every_status.json");
  EXPECT_THAT(ErrorOf(text.substr(0, text.size() / 2)), HasSubstr("is no JSON"));
  EXPECT_THAT(ErrorOf(R"({"schema": 1e999})"), HasSubstr("is no JSON"));
}

TEST(ResultFile, ADocumentTooDeepToBeCopiedIsRefused) {
  const auto with = [](size_t depth) {
    std::string text = TextOf("every_status.json");
    const std::string deep = absl::StrCat("\"deep\": ", std::string(depth, '['), std::string(depth, ']'), ",");
    text.insert(text.find('{', text.find("\"environment\"")) + 1, deep);
    return text;
  };
  EXPECT_TRUE(ParseResult(with(60), "r").ok());
  EXPECT_THAT(ErrorOf(with(1000000)), HasSubstr("1000002 arrays and objects within each other"));
  // Brackets in strings are text.
  const absl::StatusOr<Result> text =
      ParseResult(Changed([](Json& document) { document["environment"]["kernel"] = "\"" + std::string(1000, '['); }), "r");
  EXPECT_TRUE(text.ok()) << text.status();
}

TEST(ResultFile, OtherJsonAndOtherSchemasAreRefused) {
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("has no /schema"));
  EXPECT_THAT(ErrorOf(R"({"jobs": []})"), HasSubstr("no result of penstock bench"));
  EXPECT_EQ(ErrorOf(R"({"schema": "penstock-bench-2", "version": "0.9.0"})"),
            "result r has schema \"penstock-bench-2\", and this penstock reads \"penstock-bench-1\" (the file is of version "
            "\"0.9.0\")");
}

TEST(ResultFile, AMissingFieldIsNamedByItsPointer) {
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document.erase("started"); })), "result r lacks /started");
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][1]["latency_ns"]["total"].erase("p99_9"); })),
            "result r lacks /run/1/latency_ns/total/p99_9");
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][0]["series"][2].erase("iops"); })),
            "result r lacks /run/0/series/2/iops");
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][2]["error"].erase("remedy"); })),
            "result r lacks /run/2/error/remedy");
}

TEST(ResultFile, AFieldOfAnotherTypeIsNamedByItsPointer) {
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][0]["iops"] = "many"; })),
            "result r: /run/0/iops is of type string, not number");
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][0]["job"]["iodepth"] = -1; })),
            "result r: /run/0/job/iodepth is of type number, not whole number of at least 0");
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][3] = 7; })), "result r: /run/3 is number, not an object");
  EXPECT_EQ(ErrorOf(Changed([](Json& document) { document["run"][0]["status"] = "fine"; })),
            "result r: /run/0/status is \"fine\", not ok, refused, failed, partial or disagrees");
}

TEST(ResultFile, EveryFieldThatIsReadMayGoMissingWithoutACrash) {
  const Json flat = Json::parse(TextOf("every_status.json")).flatten();
  for (const auto& field : flat.items()) {
    const std::string text = Changed([&](Json& document) { document[Json::json_pointer(field.key())] = Json::object(); });
    const absl::StatusOr<Result> result = ParseResult(text, "r");
    EXPECT_TRUE(result.ok() || !RemedyOf(result.status()).empty()) << field.key();
  }
}

TEST(ResultFile, AFileIsNamedWithoutFolderAndSuffix) {
  const absl::StatusOr<Result> result = ReadResultFile(std::string(PENSTOCK_REPORT_SAMPLES) + "/every_status.json");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->name, "every_status");
}

TEST(ResultFile, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(ReadResultFile("/nowhere/r.json").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadResultFile("/").status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace penstock::report
