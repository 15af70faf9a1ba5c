// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/bench_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "benchmarks/bench/option_table.h"
#include "penstock/error.h"

namespace penstock::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<BenchRequest> Parse(const std::vector<std::string>& words, const std::string& job_file = "") {
  return ParseBench(words, [&job_file](const std::string&) -> absl::StatusOr<std::string> { return job_file; });
}

/// The first run of "penstock bench v WORDS", which has to be taken.
Job FirstRun(std::vector<std::string> words) {
  words.insert(words.begin(), "v");
  const auto request = Parse(words);
  EXPECT_TRUE(request.ok()) << request.status();
  return request.ok() ? request->runs.front() : Job();
}

std::string Refusal(std::vector<std::string> words) {
  words.insert(words.begin(), "v");
  const absl::Status status = Parse(words).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << words.back();
  EXPECT_NE(RemedyOf(status), "");
  return std::string(status.message());
}

TEST(BenchRequest, HasFiosDefaultsAndEveryPath) {
  const auto request = Parse({"/dev/ng0n1", "b"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->help);
  ASSERT_EQ(request->runs.size(), kReadPaths.size());
  for (size_t i = 0; i < kReadPaths.size(); ++i) {
    EXPECT_EQ(request->runs[i].path, kReadPaths[i]);
    EXPECT_FALSE(request->runs[i].path_is_demanded);
  }
  const Job& job = request->runs.front();
  EXPECT_THAT(job.volumes, ElementsAre("/dev/ng0n1", "b"));
  EXPECT_EQ(job.access, Access::kRead);
  EXPECT_EQ(job.min_block_bytes, 4096u);
  EXPECT_EQ(job.max_block_bytes, 4096u);
  EXPECT_EQ(job.iodepth, 1u);
  EXPECT_EQ(job.numjobs, 1u);
  EXPECT_EQ(job.runtime_seconds, 10);
  EXPECT_EQ(job.ramp_seconds, 1);
  EXPECT_EQ(job.runner, Runner::kNone);
  EXPECT_EQ(job.operation, "none");
  EXPECT_EQ(job.huge_pages, std::nullopt);
  EXPECT_EQ(job.numa, std::nullopt);
  EXPECT_EQ(request->options.loops, 1u);
  EXPECT_EQ(request->options.output_format, OutputFormat::kNormal);
}

TEST(BenchRequest, TakesWhatIsReadAndInWhichOrder) {
  const Job job = FirstRun({"--rw=randread", "--bs=4k-64k", "--offset=1MiB", "--size", "1g", "--random_distribution=zipf:1.2",
                            "--seed=18446744073709551615", "--name=x"});
  EXPECT_EQ(job.name, "x");
  EXPECT_EQ(job.access, Access::kRandRead);
  EXPECT_EQ(job.min_block_bytes, 4096u);
  EXPECT_EQ(job.max_block_bytes, 65536u);
  EXPECT_EQ(job.offset_bytes, 1u << 20);
  EXPECT_EQ(job.size_bytes, 1u << 30);
  EXPECT_EQ(job.distribution.zipf_theta, 1.2);
  EXPECT_EQ(job.seed, UINT64_MAX);
  EXPECT_EQ(FirstRun({"--random_distribution=uniform"}).distribution.zipf_theta, 0);
}

TEST(BenchRequest, TakesHowItIsRead) {
  const Job job = FirstRun({"--iodepth=32", "--numjobs=2", "--paths=read", "--iopoll", "--sqpoll=1", "--batch-submit=8",
                            "--batch_complete=4", "--hugepages=1", "--cpus=4-6,1", "--numa=1", "--rate=100M"});
  EXPECT_EQ(job.iodepth, 32u);
  EXPECT_EQ(job.numjobs, 2u);
  EXPECT_EQ(job.path, ReadPath::kRead);
  EXPECT_TRUE(job.path_is_demanded);
  EXPECT_TRUE(job.poll_device);
  EXPECT_TRUE(job.kernel_thread);
  EXPECT_EQ(job.batch_submit, 8u);
  EXPECT_EQ(job.batch_complete, 4u);
  EXPECT_EQ(job.huge_pages, true);
  EXPECT_THAT(job.cpus, ElementsAre(4, 5, 6, 1));
  EXPECT_EQ(job.numa, 1u);
  EXPECT_EQ(job.rate_bytes, 100.0 * (1 << 20));
  EXPECT_EQ(FirstRun({"--rate_iops=2.5"}).rate_reads, 2.5);
  EXPECT_EQ(FirstRun({"--hugepages=0"}).huge_pages, false);
  EXPECT_EQ(FirstRun({"--hugepages=auto"}).huge_pages, std::nullopt);
  EXPECT_FALSE(FirstRun({"--iopoll=0"}).poll_device);
}

TEST(BenchRequest, TakesWhoLooksAtTheBytes) {
  const Job verify = FirstRun({"--device=cpu", "--op=verify", "--pattern=a,b=#c", "--workgroups=3"});
  EXPECT_EQ(verify.runner, Runner::kCpu);
  EXPECT_EQ(verify.operation, "verify");
  EXPECT_EQ(verify.pattern, "a,b=#c");
  EXPECT_EQ(verify.workgroups, 3u);
  const Job window = FirstRun({"--device=hip:2", "--op=crc32c", "--buffer=window:1", "--paths=bar"});
  EXPECT_EQ(window.runner, Runner::kHip);
  EXPECT_EQ(window.gpu_index, 2u);
  EXPECT_EQ(window.buffer.kind, cli::BufferChoice::Kind::kWindow);
  EXPECT_EQ(window.buffer.window_number, 1u);
  EXPECT_EQ(FirstRun({"--device=hip"}).gpu_index, 0u);
  EXPECT_EQ(FirstRun({"--device=none"}).runner, Runner::kNone);
  EXPECT_EQ(FirstRun({"--device=cpu", "--op=histogram"}).operation, "histogram");
  EXPECT_EQ(FirstRun({"--buffer=p2pmem:0000:41:00.0", "--paths=bar"}).buffer.pci_address, "0000:41:00.0");
}

TEST(BenchRequest, TakesDurationsWithUnits) {
  EXPECT_EQ(FirstRun({"--runtime=2m", "--ramp_time=500ms"}).runtime_seconds, 120);
  EXPECT_EQ(FirstRun({"--runtime=2m", "--ramp_time=500ms"}).ramp_seconds, 0.5);
  EXPECT_EQ(FirstRun({"--ramp_time=0"}).ramp_seconds, 0);
  EXPECT_EQ(FirstRun({"--runtime=60", "--steadystate=2%"}).steady_fraction, 0.02);
  EXPECT_EQ(FirstRun({"--runtime=60", "--steadystate=0.05"}).steady_fraction, 0.05);
}

TEST(BenchRequest, TakesWhatHappensToTheResults) {
  const auto request = Parse({"v", "--output=a.json", "--output-format=json", "--metrics=127.0.0.1:9100", "--loops=3"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->options.output, "a.json");
  EXPECT_EQ(request->options.output_format, OutputFormat::kJson);
  EXPECT_EQ(request->options.metrics, "127.0.0.1:9100");
  EXPECT_EQ(request->options.loops, 3u);
  EXPECT_EQ(request->runs.size(), 3 * kReadPaths.size());
  EXPECT_EQ(Parse({"v", "--output_format", "csv"})->options.output_format, OutputFormat::kCsv);
  EXPECT_EQ(Parse({"v", "--output-format=normal"})->options.output_format, OutputFormat::kNormal);
  EXPECT_EQ(Parse({"v", "--metrics=/run/a:b.prom"})->options.metrics, "/run/a:b.prom");
}

TEST(BenchRequest, RefusesOneFileForResultsAndMetrics) {
  for (const char* const metrics : {"a.json", "./a.json", "/proc/self/cwd/a.json"}) {
    EXPECT_THAT(Refusal({"--output=a.json", absl::StrCat("--metrics=", metrics)}),
                HasSubstr("output and metrics are one file, a.json. Fix: name two files"));
  }
  EXPECT_TRUE(Parse({"v", "--output=a.json", "--metrics=a.prom"}).ok());
}

TEST(BenchRequest, MakesAGridOfLists) {
  const auto request =
      Parse({"v", "--rw=read,randread", "--bs=4k,64k-128k", "--iodepth=1,8,32", "--numjobs=1,2", "--paths=read,pread"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->runs.size(), 2u * 2 * 3 * 2 * 2);
}

TEST(BenchRequest, TakesTheLastOfAnOptionThatComesTwice) { EXPECT_EQ(FirstRun({"--iodepth=4", "--iodepth=8"}).iodepth, 8u); }

TEST(BenchRequest, TakesEverythingAfterTwoDashesAsVolumes) {
  const auto request = Parse({"a", "--", "--bs=4k", "x.fio", "-"});
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_THAT(request->runs.front().volumes, ElementsAre("a", "--bs=4k", "x.fio", "-"));
}

TEST(BenchRequest, TakesVolumesByFiosNameToo) {
  EXPECT_THAT(Parse({R"(--filename=a:/dev/disk/by-path/pci-0000\:41\:00.0-nvme-1)"})->runs.front().volumes,
              ElementsAre("a", "/dev/disk/by-path/pci-0000:41:00.0-nvme-1"));
}

TEST(BenchRequest, AsksForHelpWhateverElseIsWrong) {
  EXPECT_TRUE(Parse({"--help"})->help);
  EXPECT_TRUE(Parse({"v", "-h"})->help);
}

TEST(BenchRequest, ReadsAJobFileThatTheCommandLineOverrides) {
  const std::string file = "[global]\nfilename=a\nruntime=5\nloops=2\n[one]\nbs=4k\n[two]\nbs=8k\nruntime=7\n";
  const auto plain = Parse({"x.fio", "--paths=pread"}, file);
  ASSERT_TRUE(plain.ok()) << plain.status();
  ASSERT_EQ(plain->runs.size(), 4u);
  EXPECT_EQ(plain->runs[0].name, "one");
  EXPECT_EQ(plain->runs[0].runtime_seconds, 5);
  EXPECT_EQ(plain->runs[1].name, "two");
  EXPECT_EQ(plain->runs[1].runtime_seconds, 7);
  EXPECT_EQ(plain->runs[2].loop, 1u);
  EXPECT_THAT(plain->runs[0].volumes, ElementsAre("a"));

  const auto overridden = Parse({"b", "--jobfile=y", "--runtime=1", "--paths=pread", "--loops=1"}, file);
  ASSERT_TRUE(overridden.ok()) << overridden.status();
  ASSERT_EQ(overridden->runs.size(), 2u);
  EXPECT_EQ(overridden->runs[1].runtime_seconds, 1);
  EXPECT_EQ(overridden->runs[1].max_block_bytes, 8192u);
  EXPECT_THAT(overridden->runs[1].volumes, ElementsAre("b"));
}

TEST(BenchRequest, TellsWhichFileLineAndSectionIsWrong) {
  EXPECT_THAT(std::string(Parse({"x.fio"}, "[a]\nbs=0\n").status().message()), HasSubstr("x.fio: line 2: bs=0. Fix: use sizes"));
  EXPECT_THAT(std::string(Parse({"x.fio"}, "[a]\nfilename=v\n[b]\nfilename=v\nbatch_submit=2\n").status().message()),
              HasSubstr("[b]: batch_submit=2 with iodepth=1"));
  EXPECT_THAT(std::string(Parse({"x.fio"}, "[a]\nbs=4k\n").status().message()), HasSubstr("[a]: no volume was given"));
  EXPECT_THAT(std::string(Parse({"x.fio", "--jobfile=y"}).status().message()), HasSubstr("two job files, x.fio and y"));
  EXPECT_THAT(Refusal({"--jobfile"}), HasSubstr("--jobfile has no value"));
}

TEST(BenchRequest, SaysThatAJobFileCannotBeRead) {
  const absl::Status missing = ReadJobFile("/does/not/exist.fio").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("/does/not/exist.fio"));
  EXPECT_FALSE(ReadJobFile("/").ok()) << "a directory";
}

TEST(BenchRequest, RefusesACommandLineWithoutAVolume) {
  const absl::Status status = Parse({"--bs=4k"}).status();
  EXPECT_THAT(CauseOf(status), HasSubstr("no volume was given"));
  EXPECT_THAT(RemedyOf(status), HasSubstr("penstock bench /dev/ng0n1"));
  EXPECT_THAT(std::string(Parse({""}).status().message()), HasSubstr("a volume without a name"));
  EXPECT_THAT(std::string(Parse(std::vector<std::string>(257, "v")).status().message()), HasSubstr("at most 256"));
}

TEST(BenchRequest, RefusesNamesWithTheNearestOne) {
  EXPECT_THAT(Refusal({"--iodepht=4"}), HasSubstr("there is no option --iodepht. Fix: write --iodepth, or see"));
  EXPECT_THAT(Refusal({"--bz=4k"}), HasSubstr("write --bs"));
  EXPECT_THAT(Refusal({"--output-fromat=json"}), HasSubstr("write --output_format"));
  EXPECT_THAT(Refusal({"--wholly-else=4k"}), HasSubstr("see penstock bench --help"));
  EXPECT_THAT(Refusal({"--=4k"}), HasSubstr("there is no option --. Fix: see"));
  EXPECT_THAT(Refusal({"-b"}), HasSubstr("write two dashes"));
}

TEST(BenchRequest, KnowsFiosNamesThatItHasNot) {
  EXPECT_THAT(Refusal({"--ioengine=io_uring"}),
              HasSubstr("there is no option --ioengine: it is fio's, not ours. Fix: name the path"));
  EXPECT_THAT(Refusal({"--iodepth-batch-complete-min=2"}), HasSubstr("write batch_complete"));
  EXPECT_THAT(Refusal({"--rwmixread=50"}), HasSubstr("only reads"));
  EXPECT_THAT(Refusal({"--zonemode=zbd"}), HasSubstr("nothing like it"));
}

struct RefusedValue {
  const char* option;
  const char* allowed;
};

constexpr RefusedValue kRefused[] = {
    {"rw=write", "use read, randread"},
    {"rw=read,read", "never writes"},
    {"bs=0", "1 to 256MiB"},
    {"bs=257MiB", "1 to 256MiB"},
    {"bs=8k-4k", "ranges of multiples of their first size such as 4k-64k"},
    {"bs=4k-10k", "ranges of multiples of their first size"},
    {"bs=4k,4k", "none twice"},
    {"bs=4k,", "lists such as 4k,128k"},
    {"bs=4kb", "sizes of 1 to 256MiB"},
    {"bs=-4k", "sizes of 1 to 256MiB"},
    {"iodepth=0", "1 to 4096"},
    {"iodepth=4097", "1 to 4096"},
    {"iodepth=1,x", "a list such as 1,8,32"},
    {"numjobs=0", "1 to 1024"},
    {"numjobs=1025", "1 to 1024"},
    {"runtime=0", "of 1ms to 168h"},
    {"runtime=169h", "of 1ms to 168h"},
    {"runtime=-1", "10s, 500ms or 2m"},
    {"runtime=inf", "10s, 500ms or 2m"},
    {"runtime=1e3", "10s, 500ms or 2m"},
    {"ramp_time=x", "use 0 or a duration"},
    {"ramp_time=169h", "at most 168h"},
    {"size=x", "powers of 1024"},
    {"size=-1", "powers of 1024"},
    {"offset=1.5G", "powers of 1024"},
    {"random_distribution=pareto:0.9", "zipf:1.2"},
    {"random_distribution=zipf", "zipf:1.2"},
    {"random_distribution=zipf:0", "above 0 and below 10"},
    {"random_distribution=zipf:1", "that is not 1"},
    {"random_distribution=zipf:10", "below 10"},
    {"random_distribution=zipf:nan", "below 10"},
    {"rate=0", "bytes a second of each job"},
    {"rate=1025T", "at most 1024T"},
    {"rate_iops=0", "above 0"},
    {"rate_iops=2000000000", "at most 1000000000"},
    {"paths=auto", "use all, or a list of bar, nvme, read and pread"},
    {"paths=read,read", "none of them twice"},
    {"paths=all,read", "use all, or a list"},
    {"device=gpu", "use none, cpu, hip"},
    {"device=hip:", "e.g. hip:1"},
    {"device=hip:-1", "e.g. hip:1"},
    {"op=match", "use none, crc32c, verify or histogram"},
    {"workgroups=0", "use 1 to 65535"},
    {"buffer=gpu", "use pinned, window"},
    {"hugepages=2", "use auto, 0 or 1"},
    {"iopoll=maybe", "use 0 or 1"},
    {"sqpoll=2", "use 0 or 1"},
    {"batch_submit=0", "use 1 to iodepth"},
    {"batch_complete=x", "use 1 to iodepth"},
    {"cpus=1-", "such as 0-3,8"},
    {"cpus=3-1", "such as 0-3,8"},
    {"cpus=1,0-2", "none twice"},
    {"cpus=99999", "processors' numbers"},
    {"numa=x", "one node's number"},
    {"seed=-1", "0 to 18446744073709551615"},
    {"steadystate=iops_slope:0.3%", "0.02 or 2%"},
    {"steadystate=0", "above 0 and below 1"},
    {"steadystate=100%", "above 0 and below 1"},
    {"loops=0", "use 1 to 1000"},
    {"loops=1001", "use 1 to 1000"},
    {"output_format=terse", "use normal, json or csv"},
    {"metrics=0.0.0.0:9100", "127.0.0.1: and a port"},
    {"metrics=127.0.0.1:0", "a port of 1 to 65535"},
    {"metrics=localhost:65536", "a port of 1 to 65535"},
    {"filename=a::b", "with colons between them"},
};

TEST(BenchRequest, RefusesEveryOtherValueWithWhatIsAllowed) {
  std::set<std::string> refused = {"name", "pattern", "output"};  // which take any text
  for (const auto& [option, allowed] : kRefused) {
    const std::string message = Refusal({absl::StrCat("--", option)});
    EXPECT_THAT(message, HasSubstr(absl::StrCat("--", option, ". Fix: "))) << option;
    EXPECT_THAT(message, HasSubstr(allowed)) << option;
    refused.insert(std::string(option, std::string(option).find('=')));
  }
  for (const BenchOption& option : BenchOptionTable()) {
    EXPECT_TRUE(refused.count(std::string(option.name))) << option.name << " has no refused value here";
  }
}

TEST(BenchRequest, RefusesOptionsWithoutAValue) {
  for (const BenchOption& option : BenchOptionTable()) {
    const std::string name = absl::StrCat("--", option.name);
    EXPECT_THAT(Refusal({absl::StrCat(name, "=")}), HasSubstr(absl::StrCat(name, " has no value. Fix: write ", name, "=VALUE")));
    if (option.is_switch) continue;
    EXPECT_THAT(Refusal({name}), HasSubstr(absl::StrCat(name, " has no value")));
  }
  EXPECT_THAT(Refusal({std::string("--name=a\0b", 10)}), HasSubstr("has a NUL in its value"));
}

TEST(BenchRequest, RefusesValuesThatDoNotGoTogether) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--batch_submit=2"}, "batch_submit=2 with iodepth=1: so many reads are never gathered. Fix: use batch_submit of 1 to 1"},
      {{"--batch_complete=9", "--iodepth=8,16"}, "batch_complete=9 with iodepth=8: so many reads never end"},
      {{"--numjobs=5", "--iodepth=4096"}, "makes 20480 reads in flight, more than 16384. Fix: use an iodepth of at most 3276"},
      {{"--rate=1M", "--rate_iops=10"}, "both rate and rate_iops"},
      {{"--steadystate=2%"}, "steadystate with runtime=10s: it looks at the rates of 10 s"},
      {{"--size=4095"}, "size=4095 is less than one block of 4096. Fix: use a size of at least 4096"},
      {{"--device=cpu", "--op=verify"}, "op=verify without a pattern"},
      {{"--device=cpu", "--pattern=x"}, "op=none takes no pattern"},
      {{"--op=crc32c"}, "op=crc32c without a device: nothing would look at the bytes. Fix: add device=cpu or device=hip"},
      {{"--workgroups=2"}, "workgroups=2 without a device"},
      {{"--workgroups=1025", "--device=cpu"}, "workgroups=1025 with device=cpu: each is a thread. Fix: use 1 to 1024"},
      {{"--buffer=window", "--device=cpu"}, "buffer=window without device=hip"},
      {{"--buffer=window", "--device=hip", "--hugepages=0"}, "hugepages with a buffer in a device's memory"},
      {{"--random_distribution=zipf:1.2"}, "random_distribution=zipf with rw=read"},
      {{"--loops=1000", "--iodepth=1,2,3,4"}, "16 points, each run 1000 times"},
  };
  for (const auto& [words, message] : cases) EXPECT_THAT(Refusal(words), HasSubstr(message));
}

TEST(BenchRequest, LeavesPathsToThoseWhoKnowTheVolumes) {
  EXPECT_TRUE(Parse({"v", "--paths=bar"}).ok());
  EXPECT_TRUE(Parse({"v", "--paths=pread", "--iopoll"}).ok());
}

TEST(BenchRequest, HelpTellsOfEveryOption) {
  const std::string help = BenchHelpText();
  for (const BenchOption& option : BenchOptionTable()) {
    const std::string name = absl::StrCat("  --", option.name);
    EXPECT_TRUE(absl::StrContains(help, name) || absl::StrContains(help, absl::StrReplaceAll(name, {{"_", "-"}}))) << option.name;
  }
  EXPECT_THAT(help, HasSubstr("--jobfile=FILE"));
}

}  // namespace
}  // namespace penstock::bench
