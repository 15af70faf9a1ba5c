// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// penstock bench on a real controller: one table of all paths, what the controller counted, and a controller that goes away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/guest/command_run.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

CommandOutcome RunBench(const std::string& words) {
  return RunCommand(absl::StrCat("/guest/penstock bench ", words,
                                 " --rw=randread --bs=4k --runtime=0.5 --ramp_time=0.1 --output-format=json 2>/tmp/said"));
}

/// A run that counts: by that path, and everybody says so.
void ExpectProven(const nlohmann::json& run, const std::string& path) {
  SCOPED_TRACE(path);
  EXPECT_EQ(run["job"]["path"], path);
  ASSERT_EQ(run["status"], "ok") << run["error"] << run["proof"];
  EXPECT_GT(run["reads"].get<uint64_t>(), 0u);
  EXPECT_EQ(run["latency_ns"]["total"]["count"], run["reads"]);
  const nlohmann::json& proof = run["proof"];
  ASSERT_EQ(proof["controller"].size(), 1u);
  const uint64_t reads = proof["all_reads"];
  const bool passes_through = path == "nvme" || path == "bar";
  EXPECT_EQ(proof["commands"].get<uint64_t>(), passes_through ? reads : 0);
  EXPECT_EQ(proof["controller"][0]["block_layer_reads"].get<uint64_t>() > 0, !passes_through && path != "pread");
  if (passes_through) {
    EXPECT_EQ(proof["controller"][0]["read_commands"].get<uint64_t>(), reads);
  }
  EXPECT_EQ(proof["bytes_copied_by_cpu"].get<uint64_t>(), path == "pread" ? proof["all_bytes"].get<uint64_t>() : 0);
}

TEST(Bench, MeasuresEveryPathOfANamespaceAndProvesIt) {
  const CommandOutcome outcome = RunBench(absl::StrCat(DiskOf("PLAIN").char_node, " --paths=all --iodepth=8"));
  EXPECT_EQ(outcome.exit_status, 0) << RunCommand("cat /tmp/said").text;
  ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
  std::map<std::string, nlohmann::json> runs;
  for (const nlohmann::json& run : outcome.json["run"]) runs[run["job"]["path"]] = run;
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs["bar"]["status"], "refused") << "there is no memory of a device";
  ExpectProven(runs["nvme"], "nvme");
  ExpectProven(runs["read"], "read");
  EXPECT_EQ(runs["pread"]["status"], "ok");
  EXPECT_EQ(runs["pread"]["proof"]["bytes_copied_by_cpu"], runs["pread"]["proof"]["all_bytes"]);
  for (const char* const path : {"nvme", "read", "pread"}) EXPECT_GT(runs[path]["proof"]["checked_bytes"].get<uint64_t>(), 0u);
}

TEST(Bench, SendsWhatItReadsThroughTheKernelOfADevice) {
  const CommandOutcome outcome =
      RunBench(absl::StrCat(DiskOf("PLAIN").char_node, " --paths=nvme --iodepth=4 --device=cpu --workgroups=1 --op=crc32c"));
  EXPECT_EQ(outcome.exit_status, 0) << RunCommand("cat /tmp/said").text;
  ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
  ExpectProven(outcome.json["run"][0], "nvme");
  EXPECT_EQ(outcome.json["run"][0]["latency_ns"]["done"]["count"], outcome.json["run"][0]["reads"]);
  EXPECT_GT(outcome.json["run"][0]["proof"]["checked_bytes"].get<uint64_t>(), 0u) << "the kernel's CRC against another read's";
}

TEST(Bench, LetsAKernelThreadSubmitAndGathersReads) {
  for (const char* const words : {"--sqpoll", "--batch_submit=4 --batch_complete=4"}) {
    SCOPED_TRACE(words);
    const CommandOutcome outcome = RunBench(absl::StrCat(DiskOf("PLAIN").char_node, " --paths=nvme --iodepth=8 ", words));
    EXPECT_EQ(outcome.exit_status, 0) << RunCommand("cat /tmp/said").text;
    ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
    ExpectProven(outcome.json["run"][0], "nvme");
  }
}

/// What a bench printed, of one run that ended well.
nlohmann::json GoodRun(const std::string& words) {
  const CommandOutcome outcome = RunBench(words);
  EXPECT_EQ(outcome.exit_status, 0) << words << ": " << RunCommand("cat /tmp/said").text;
  if (!outcome.json.is_object() || outcome.json["run"].size() != 1) return nlohmann::json::object();
  return outcome.json["run"][0];
}

TEST(Bench, PollsForCompletionsWithoutInterrupts) {
  const Disk disk = DiskOf("PLAIN");
  for (const char* const path : {"nvme", "read"}) {
    const uint64_t before = InterruptsOf(disk.controller);
    const nlohmann::json run = GoodRun(absl::StrCat(disk.char_node, " --iopoll --iodepth=8 --paths=", path));
    ASSERT_TRUE(run.contains("job"));
    EXPECT_TRUE(run["job"]["iopoll"].get<bool>());
    ExpectProven(run, path);
    // Thousands of reads, of which no more than 64 are read once more by another path, and a few to probe.
    EXPECT_LT(InterruptsOf(disk.controller) - before, 150u) << run["reads"] << " reads by path " << path;
  }
}

TEST(Bench, UsesTheProcessorsTheNodeAndTheHugePagesThatItIsTold) {
  const Disk disk = DiskOf("PLAIN");
  const ScopedSetting reserved("/proc/sys/vm/nr_hugepages", "4");
  const nlohmann::json huge = GoodRun(absl::StrCat(disk.char_node, " --paths=nvme --iodepth=8 --hugepages=1"));
  ASSERT_TRUE(huge.contains("job"));
  EXPECT_EQ(huge["pages"], "2 MiB");
  ExpectProven(huge, "nvme");
  const nlohmann::json small = GoodRun(absl::StrCat(disk.char_node, " --paths=nvme --iodepth=8 --hugepages=0 --numa=0"));
  ASSERT_TRUE(small.contains("job"));
  EXPECT_EQ(small["pages"], "4 KiB");
  EXPECT_EQ(small["job"]["numa"], 0);
  const nlohmann::json pinned = GoodRun(absl::StrCat(disk.char_node, " --paths=nvme --iodepth=8 --numjobs=2 --cpus=1,0"));
  ASSERT_TRUE(pinned.contains("job"));
  ExpectProven(pinned, "nvme");
}

TEST(BenchInPeerMemory, ReadsStraightIntoTheBar) {
  const CommandOutcome outcome = RunBench(
      absl::StrCat(DiskOf("PLAIN").char_node, " --paths=bar --iodepth=8 --buffer=p2pmem:", DiskOf("MEMORY").pci_address));
  EXPECT_EQ(outcome.exit_status, 0) << RunCommand("cat /tmp/said").text;
  ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
  ExpectProven(outcome.json["run"][0], "bar");
  EXPECT_EQ(outcome.json["run"][0]["pages"], "device memory");
}

TEST(BenchInPeerMemory, SaysThatSoManyBuffersDoNotFit) {
  const CommandOutcome outcome = RunCommand(absl::StrCat("/guest/penstock bench ", DiskOf("PLAIN").char_node,
                                                         " --paths=bar --bs=1M --iodepth=512 --output-format=json",
                                                         " --buffer=p2pmem:", DiskOf("MEMORY").pci_address, " 2>/tmp/said"));
  EXPECT_EQ(outcome.exit_status, 1);
  ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
  EXPECT_EQ(outcome.json["run"][0]["status"], "refused");
  EXPECT_THAT(outcome.json["run"][0]["error"]["cause"].get<std::string>(), HasSubstr("a depth of 512 needs 512"));
  EXPECT_THAT(outcome.json["run"][0]["error"]["remedy"].get<std::string>(), HasSubstr("smaller blocks"));
}

TEST(BenchUnplugged, SaysThatAControllerIsGoneAndKeepsWhatItHas) {
  const Disk disk = DiskOf("PULLED_bench");
  const auto reads_so_far = [stat = "/sys/block/" + disk.block_node.substr(sizeof("/dev/") - 1) + "/stat"] {
    return std::strtoull(ReadLine(stat).c_str(), nullptr, 10);
  };
  const uint64_t before = reads_so_far();
  auto running = std::async(std::launch::async, [&] {
    return RunCommand(absl::StrCat("/guest/penstock bench ", disk.char_node,
                                   " --rw=randread --bs=4k --paths=read --iodepth=4,8 --runtime=60 --ramp_time=0"
                                   " --output-format=json 2>/tmp/said"));
  });
  EXPECT_TRUE(Eventually([&] { return reads_so_far() > before + 100; }));
  AskHost("device_del id=PULLED_bench");
  const CommandOutcome outcome = running.get();
  EXPECT_EQ(outcome.exit_status, 1);
  ASSERT_TRUE(outcome.json.is_object()) << outcome.text;
  const nlohmann::json& run = outcome.json["run"][0];
  EXPECT_EQ(run["status"], "failed");
  EXPECT_THAT(run["error"]["cause"].get<std::string>(), HasSubstr(disk.char_node));
  EXPECT_THAT(run["error"]["remedy"].get<std::string>(), Not(IsEmpty()));
  EXPECT_GT(run["reads"].get<uint64_t>(), 0u) << "what was measured before";
  EXPECT_LT(run["seconds"].get<double>(), 50);
  EXPECT_EQ(outcome.json["run"][1]["status"], "refused") << "the next one finds nothing there";
}

}  // namespace
}  // namespace penstock::guest
