// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Refusal(std::string_view text) {
  const absl::Status status = ParseJobFile(text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(RemedyOf(status), "");
  return std::string(status.message());
}

TEST(JobFile, HasAJobForEverySectionAfterGlobal) {
  const auto file = ParseJobFile(R"(# nightly
; both kinds of comment
[global]
  filename = a:b   # two volumes
runtime=30s
iopoll

[random]
rw=randread
bs=4k,8k
[sequential]
runtime=5
iopoll=0
)");
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->jobs.size(), 2u);
  EXPECT_EQ(file->jobs[0].job.name, "random");
  EXPECT_THAT(file->jobs[0].job.volumes, ElementsAre("a", "b"));
  EXPECT_EQ(file->jobs[0].job.runtime_seconds, 30);
  EXPECT_TRUE(file->jobs[0].job.poll_device);
  EXPECT_THAT(file->jobs[0].accesses, ElementsAre(Access::kRandRead));
  EXPECT_EQ(file->jobs[0].block_sizes.size(), 2u);
  EXPECT_EQ(file->jobs[1].job.name, "sequential");
  EXPECT_THAT(file->jobs[1].accesses, ElementsAre(Access::kRead)) << "of the other section";
  EXPECT_EQ(file->jobs[1].job.runtime_seconds, 5);
  EXPECT_FALSE(file->jobs[1].job.poll_device);
}

TEST(JobFile, HoldsGlobalForTheSectionsAfterItOnly) {
  const auto file = ParseJobFile("[a]\n[global]\nruntime=3\n[b]\n[GLOBAL]\nruntime=4\n[c]\n");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->jobs[0].job.runtime_seconds, 10);
  EXPECT_EQ(file->jobs[1].job.runtime_seconds, 3);
  EXPECT_EQ(file->jobs[2].job.runtime_seconds, 4);
}

TEST(JobFile, TakesLinesOfWindowsAndALastLineWithoutAnEnd) {
  const auto file = ParseJobFile("[a]\r\nbs=8k\r\niodepth=3");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->jobs[0].iodepths, ElementsAre(3));
}

TEST(JobFile, KeepsCommentLettersInsideOfWords) {
  EXPECT_EQ(ParseJobFile("[a]\npattern=x#y;z ; comment\n")->jobs[0].job.pattern, "x#y;z");
  EXPECT_EQ(ParseJobFile("[a]\npattern=x=y\n")->jobs[0].job.pattern, "x=y");
}

TEST(JobFile, TakesWhatIsOfAllRunsInGlobalOnly) {
  EXPECT_EQ(ParseJobFile("[global]\nloops=3\n[a]\n")->run.loops, 3u);
  EXPECT_THAT(Refusal("[a]\nloops=3\n"),
              HasSubstr("line 2: loops is of all runs, not of one section. Fix: put it into [global], or write --loops on"));
}

TEST(JobFile, RefusesWithTheLinesNumber) {
  EXPECT_THAT(Refusal("[a]\n\nbs=x\n"), HasSubstr("line 3: bs=x. Fix: use sizes"));
  EXPECT_THAT(Refusal("[a]\niodept=3\n"), HasSubstr("line 2: there is no option iodept. Fix: write iodepth, or see"));
  EXPECT_THAT(Refusal("[a]\nioengine=libaio\n"), HasSubstr("line 2: there is no option ioengine: it is fio's, not ours"));
  EXPECT_THAT(Refusal("[a]\nbs\n"), HasSubstr("line 2: bs has no value. Fix: write bs=VALUE"));
  EXPECT_THAT(Refusal("[a]\nbs=\n"), HasSubstr("line 2: bs has no value"));
  EXPECT_THAT(Refusal("bs=4k\n[a]\n"), HasSubstr("line 1: bs stands before the first section. Fix: write [global] above it"));
  EXPECT_THAT(Refusal("[a\n"), HasSubstr("line 1: [a. Fix: write a section as [name]"));
  EXPECT_THAT(Refusal("[]\n"), HasSubstr("line 1: []. Fix: write a section as [name]"));
  EXPECT_THAT(Refusal("[a] b\n"), HasSubstr("write a section as [name]"));
  EXPECT_THAT(Refusal("[a]\n=4\n"), HasSubstr("line 2: there is no option . Fix: see"));
}

TEST(JobFile, RefusesOneWithoutAJob) {
  for (const char* text : {"", "\n\n", "# nothing\n", "[global]\nbs=4k\n"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("the job file has no job. Fix: add a section")) << text;
  }
}

TEST(JobFile, RefusesWhatIsPastItsLimits) {
  EXPECT_THAT(Refusal(std::string(kMaxJobFileBytes + 1, '\n')),
              HasSubstr("a job file of 1048577 bytes. Fix: use one of at most"));
  EXPECT_THAT(Refusal(absl::StrCat("[a]\nname=", std::string(kMaxJobFileLineBytes, 'x'))),
              HasSubstr("line 2: a line of 4101 bytes"));
  std::string sections;
  for (size_t i = 0; i <= kMaxJobFileSections; ++i) absl::StrAppend(&sections, "[s]\n");
  EXPECT_THAT(Refusal(sections), HasSubstr("line 257: too many sections. Fix: use at most 256"));
}

TEST(JobFile, PrintsNoControlCharactersOfAFile) {
  const std::string message = Refusal("[a]\n\x1b[31mred\x07=1\n");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_THAT(message, HasSubstr("\\033[31mred\\007"));
  EXPECT_THAT(Refusal(std::string("[a]\nname=a\0b\n", 13)), HasSubstr("has a NUL in its value"));
  EXPECT_EQ(ParseJobFile("[a\tb]")->jobs[0].job.name, "a\\tb");
  EXPECT_LT(Refusal(absl::StrCat("[a]\n", std::string(4000, 'x'), "=1")).size(), 300u) << "a name is cut off";
}

TEST(JobFile, ReadsOrRefusesWhateverItIsGiven) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  const std::string words[] = {"[",        "]",           "\n",
                               "=",        "global",      "a",
                               "bs",       "iodepth",     "4k",
                               ",",        "-",           "#",
                               ";",        "\r",          " ",
                               "paths",    "all",         "1",
                               "filename", ":",           "\\",
                               "cpus",     "%",           "zipf",
                               "rw",       "read",        "device",
                               "hip",      "runtime",     "99999999999999999999",
                               ".",        "\xff",        std::string(1, '\0'),
                               "buffer",   "window",      "loops",
                               "metrics",  "steadystate", "random_distribution"};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint64_t i = random() % 40; i > 0; --i) text += words[random() % std::size(words)];
    const auto file = ParseJobFile(text);
    if (file.ok()) {
      EXPECT_FALSE(file->jobs.empty()) << "seed " << seed;
    } else {
      EXPECT_NE(RemedyOf(file.status()), "") << "seed " << seed << ": " << file.status();
    }
  }
}

}  // namespace
}  // namespace penstock::bench
