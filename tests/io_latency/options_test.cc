// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/io_latency/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "penstock/error.h"

namespace penstock::io_latency {
namespace {

TEST(Options, AreTakenFromTheCommandLine) {
  const auto options = ParseOptions({"--size=128KiB", "--depth=1", "disk.img", "--requests=7", "--rounds=2", "--path=pread",
                                     "--workgroups=3", "--seed=9", "--json"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->volume, "disk.img");
  EXPECT_EQ(options->read_bytes, 131072u);
  EXPECT_EQ(options->depth, 1u);
  EXPECT_EQ(options->requests, 7u);
  EXPECT_EQ(options->rounds, 2u);
  EXPECT_EQ(options->path, ReadPath::kPread);
  EXPECT_EQ(options->workgroups, 3u);
  EXPECT_EQ(options->seed, 9u);
  EXPECT_TRUE(options->json);
}

TEST(Options, HaveDefaults) {
  const auto options = ParseOptions({"disk.img"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->read_bytes, 4096u);
  EXPECT_EQ(options->depth, 32u);
  EXPECT_EQ(options->path, ReadPath::kRead);
  EXPECT_FALSE(options->json);
}

TEST(Options, NeedNoVolumeForHelp) {
  const auto options = ParseOptions({"--help"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_TRUE(options->help);
  EXPECT_THAT(HelpText(), testing::HasSubstr("--depth=32"));
}

struct WrongLine {
  std::vector<std::string> words;
  const char* cause;
};

TEST(Options, AreRefusedWithCauseAndRemedy) {
  const WrongLine lines[] = {
      {{}, "no volume was given"},
      {{"a", "b"}, "a second volume, b"},
      {{"a", "--depth=0"}, "--depth=0"},
      {{"a", "--depth=4097"}, "--depth=4097"},
      {{"a", "--depth=-1"}, "--depth=-1"},
      {{"a", "--depth="}, "--depth="},
      {{"a", "--depth"}, "--depth has no value"},
      {{"a", "--requests=0"}, "--requests=0"},
      {{"a", "--requests=10000001"}, "--requests=10000001"},
      {{"a", "--rounds=0"}, "--rounds=0"},
      {{"a", "--workgroups=0"}, "--workgroups=0"},
      {{"a", "--size=0"}, "--size=0"},
      {{"a", "--size=4097"}, "--size=4097"},
      {{"a", "--size=1GiB"}, "--size=1GiB"},
      {{"a", "--size=big"}, "--size=big"},
      {{"a", "--path=fast"}, "--path=fast"},
      {{"a", "--deep=3"}, "there is no option --deep"},
      {{"a", "--depth=4096", "--size=256MiB"}, "takes more than 16 GiB"},
  };
  for (const WrongLine& line : lines) {
    const auto options = ParseOptions(line.words);
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << line.cause;
    EXPECT_THAT(std::string(options.status().message()), testing::HasSubstr(line.cause));
    EXPECT_NE(RemedyOf(options.status()), "") << line.cause;
  }
}

}  // namespace
}  // namespace penstock::io_latency
