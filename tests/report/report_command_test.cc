// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/report/report_command.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "absl/strings/str_split.h"
#include "penstock/error.h"
#include "tests/report/sample.h"

namespace penstock::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

std::string MessageOf(const std::vector<std::string>& arguments) {
  const absl::StatusOr<ReportRequest> request = ParseReportRequest(arguments);
  EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(request.status().message());
}

TEST(ReportRequest, TakesNamesAndOptionsInAnyOrder) {
  const absl::StatusOr<ReportRequest> request =
      ParseReportRequest({"a.json", "--force", "-o", "r.html", "b.json", "--", "-c.json"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->results, ElementsAre("a.json", "b.json", "-c.json"));
  EXPECT_EQ(request->output, "r.html");
  EXPECT_TRUE(request->overwrite);
  EXPECT_EQ(request->format, Format::kHtml);
  EXPECT_EQ(ParseReportRequest({"a.json", "--output=x"})->output, "x");
  EXPECT_EQ(ParseReportRequest({"a.json", "--format=gbench"})->format, Format::kGoogleBenchmark);
  EXPECT_EQ(ParseReportRequest({"a.json", "--format=prometheus"})->output, "-");
  EXPECT_TRUE(ParseReportRequest({"--help"})->help);
}

TEST(ReportRequest, WhatIsWrongIsRefusedWithWhatIsAllowed) {
  EXPECT_EQ(MessageOf({"-o", "x"}), "no result is given. Fix: name files that penstock bench has written.");
  EXPECT_EQ(MessageOf({"a.json"}), "no output is given. Fix: say where the page goes: -o report.html, or -o -.");
  EXPECT_EQ(MessageOf({"a.json", "-o"}), "-o has no value. Fix: write -o FILE.");
  EXPECT_EQ(MessageOf({"a.json", "--format=pdf"}),
            "--format=pdf is none that a report can have. Fix: set it to html, gbench or prometheus.");
  EXPECT_EQ(MessageOf({"a.json", "b.json", "--format=gbench"}),
            "--format=gbench takes one result, not 2. Fix: write a file for each, and give both to compare.py.");
  EXPECT_EQ(MessageOf({"a.json", "--colour"}), "report has no option --colour. Fix: see penstock report --help.");
  EXPECT_THAT(MessageOf(std::vector<std::string>(17, "a.json")), HasSubstr("17 results are more than 16"));
}

class ReportCommand : public ::testing::Test {
 protected:
  ReportCommand() {
    char folder[] = "/tmp/penstock_report_XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~ReportCommand() override { std::filesystem::remove_all(folder_); }

  /// The exit status; what was said on standard error is in `said_`.
  int Run(const std::vector<std::string>& arguments) {
    CaptureStderr();
    const int status = RunReportCommand(arguments);
    said_ = GetCapturedStderr();
    return status;
  }
  std::string Read(const std::string& path) const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::string sample_ = std::string(PENSTOCK_REPORT_SAMPLES) + "/every_status.json";
  std::string folder_;
  std::string said_;
};

TEST_F(ReportCommand, WritesThePage) {
  const std::string output = folder_ + "/r.html";
  ASSERT_EQ(Run({sample_, "-o", output}), 0) << said_;
  EXPECT_THAT(Read(output), HasSubstr("every_status"));
  EXPECT_EQ(said_, "");
}

TEST_F(ReportCommand, ResultsOfOneNameAreToldApartByTheirFolders) {
  std::vector<std::string> results;
  for (const char* folder : {"q1", "q2"}) {
    std::filesystem::create_directory(folder_ + "/" + folder);
    results.push_back(folder_ + "/" + folder + "/result.json");
    std::filesystem::copy_file(sample_, results.back());
  }
  const std::string page = folder_ + "/r.html";
  ASSERT_EQ(Run({results[0], results[1], "-o", page}), 0) << said_;
  EXPECT_THAT(Read(page), HasSubstr("<title>q1/result and q2/result · penstock report</title>"));
  CaptureStdout();
  const int status = Run({results[0], results[1], "--format=prometheus"});
  const std::string text = GetCapturedStdout();
  EXPECT_EQ(status, 0) << said_;
  std::vector<std::string> series = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::erase_if(series, [](const std::string& line) { return line[0] == '#'; });
  for (std::string& line : series) line.resize(line.rfind(' '));
  std::ranges::sort(series);
  EXPECT_EQ(std::ranges::adjacent_find(series), series.end()) << "a series twice";
}

TEST_F(ReportCommand, AnExistingFileStaysUnlessForced) {
  const std::string output = folder_ + "/r.html";
  std::ofstream(output) << "mine";
  EXPECT_EQ(Run({sample_, "-o", output}), 1);
  EXPECT_EQ(said_, "penstock: " + output + " exists. Fix: name another file with -o, or overwrite it with --force.\n");
  EXPECT_EQ(Read(output), "mine");
  EXPECT_EQ(Run({sample_, "-o", output, "--force"}), 0);
  EXPECT_THAT(Read(output), HasSubstr("<!DOCTYPE html>"));
}

TEST_F(ReportCommand, AResultThatCannotBeReadLeavesNoFile) {
  const std::string output = folder_ + "/r.html";
  EXPECT_EQ(Run({folder_ + "/none.json", "-o", output}), 1);
  EXPECT_THAT(said_, HasSubstr("cannot open the result"));
  EXPECT_FALSE(std::filesystem::exists(output));
}

TEST_F(ReportCommand, AResultIsNotReplacedByItsReport) {
  const std::string result = folder_ + "/a.json";
  std::filesystem::copy_file(sample_, result);
  std::filesystem::create_symlink(result, folder_ + "/link");
  std::filesystem::create_hard_link(result, folder_ + "/hard");
  for (const std::string& output : {result, folder_ + "/./a.json", folder_ + "/link", folder_ + "/hard"}) {
    EXPECT_EQ(Run({sample_, result, "-o", output, "--force"}), 1);
    EXPECT_EQ(said_, "penstock: the output " + output + " is the result " + result +
                         ", which would be lost. Fix: name another file with -o.\n");
  }
  EXPECT_EQ(Read(result), Read(sample_));
}

TEST_F(ReportCommand, AFileThatCannotBeWrittenWholeStaysAsItWas) {
  const std::string output = folder_ + "/r.html";
  std::ofstream(output) << "old";
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small = {.rlim_cur = 8192, .rlim_max = limit.rlim_max};
  const auto old_action = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const int replaced = Run({sample_, "-o", output, "--force"});
  const std::string said = said_;
  const int made = Run({sample_, "-o", folder_ + "/new.html"});
  setrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, old_action);
  EXPECT_EQ(replaced, 1);
  EXPECT_EQ(made, 1);
  EXPECT_THAT(said, HasSubstr("cannot write " + output));
  EXPECT_EQ(Read(output), "old");
  const std::filesystem::directory_iterator files(folder_);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "nothing is left over";
}

TEST_F(ReportCommand, AFileThatIsReplacedKeepsItsModeAndTheLinksToIt) {
  const std::string output = folder_ + "/r.html";
  std::ofstream(output) << "old";
  ASSERT_EQ(chmod(output.c_str(), 0640), 0);
  std::filesystem::create_symlink("r.html", folder_ + "/link");
  EXPECT_EQ(Run({sample_, "-o", folder_ + "/link", "--force"}), 0) << said_;
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ + "/link"));
  EXPECT_THAT(Read(output), HasSubstr("<!DOCTYPE html>"));
  EXPECT_EQ(std::filesystem::status(output).permissions(), std::filesystem::perms(0640));
}

TEST_F(ReportCommand, ALinkThatLeadsToNothingIsSaidToBeOne) {
  const std::string link = folder_ + "/link";
  std::filesystem::create_symlink("nothing", link);
  for (const bool is_forced : {false, true}) {
    std::vector<std::string> words = {sample_, "-o", link};
    if (is_forced) words.emplace_back("--force");
    EXPECT_EQ(Run(words), 1);
    EXPECT_EQ(said_, "penstock: " + link +
                         " is a link to a file that does not exist. Fix: remove the link, or name another "
                         "file with -o.\n");
  }
}

TEST_F(ReportCommand, WhatIsNoFileIsWrittenInto) {
  CaptureStdout();
  const int status = Run({sample_, "-o", "/dev/stdout", "--force"});
  EXPECT_THAT(GetCapturedStdout(), HasSubstr("<!DOCTYPE html>"));
  EXPECT_EQ(status, 0) << said_;

  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string text;
  std::thread reader([&] { text = Read(pipe); });
  EXPECT_EQ(Run({sample_, "-o", pipe, "--force"}), 0) << said_;
  reader.join();
  EXPECT_THAT(text, HasSubstr("<!DOCTYPE html>"));
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST_F(ReportCommand, AFolderThatIsNotThereIsNamed) {
  EXPECT_EQ(Run({sample_, "-o", folder_ + "/none/r.html"}), 1);
  EXPECT_THAT(said_, HasSubstr("cannot open " + folder_ + "/none/r.html"));
}

TEST_F(ReportCommand, AFullDiskIsAnError) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "there is no /dev/full. Fix: run on Linux with devtmpfs.";
  EXPECT_EQ(Run({sample_, "-o", "/dev/full", "--force"}), 1);
  EXPECT_THAT(said_, HasSubstr("cannot write /dev/full"));
}

TEST_F(ReportCommand, AWrongCommandLineEndsWithTwo) { EXPECT_EQ(Run({"--nothing"}), 2); }

TEST_F(ReportCommand, OtherFormatsGoToStandardOutput) {
  CaptureStdout();
  const int status = Run({sample_, "--format=gbench"});
  const std::string text = GetCapturedStdout();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Json::parse(text)["benchmarks"].size(), 5);
}

}  // namespace
}  // namespace penstock::report
