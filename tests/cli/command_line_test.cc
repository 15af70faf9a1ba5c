// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/flags/declare.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "penstock/error.h"
#include "runtime/host/gpus.h"

namespace penstock::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<CommandLine> Parse(std::vector<std::string> words) {
  absl::FlagSaver saver;
  words.insert(words.begin(), "penstock");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return ParseCommandLine(static_cast<int>(argv.size()), argv.data());
}

TEST(CommandLine, HasTheDefaultsThatHelpTells) {
  const auto line = Parse({"ingest", "a", "b"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->command, Command::kIngest);
  EXPECT_THAT(line->sources, ElementsAre("a", "b"));
  EXPECT_EQ(line->operation, "crc32c");
  EXPECT_EQ(line->path, std::nullopt);
  EXPECT_EQ(line->chunk_bytes, 1u << 20);
  EXPECT_EQ(line->depth, 32u);
  EXPECT_EQ(line->offset_bytes, 0u);
  EXPECT_EQ(line->length_bytes, std::nullopt);
  EXPECT_EQ(line->device, DeviceKind::kAuto);
  EXPECT_EQ(line->gpu_index, 0u);
  EXPECT_EQ(line->workgroups, 0u) << "the device's own default";
  EXPECT_FALSE(line->json);
}

TEST(CommandLine, TakesEveryOption) {
  const auto line = Parse({"ingest", "--op=match", "--pattern=a", "--pattern", "b,c", "--path=pread", "--chunk=64KiB", "--depth",
                           "7", "--offset=1MiB", "--length=0", "--workgroups=3", "--read-timeout=1.5", "--json", "--dump-ring=2",
                           "--device=cpu", "--buffer=p2pmem:0000:41:00.0", "file"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_THAT(line->patterns, ElementsAre("a", "b,c"));
  EXPECT_EQ(line->path, ReadPath::kPread);
  EXPECT_EQ(line->buffer.kind, BufferChoice::Kind::kPeerMemory);
  EXPECT_EQ(line->buffer.pci_address, "0000:41:00.0");
  EXPECT_EQ(line->chunk_bytes, 65536u);
  EXPECT_EQ(line->depth, 7u);
  EXPECT_EQ(line->offset_bytes, 1u << 20);
  EXPECT_EQ(line->length_bytes, 0u);
  EXPECT_EQ(line->device, DeviceKind::kCpu);
  EXPECT_EQ(line->workgroups, 3u);
  EXPECT_EQ(line->read_timeout_seconds, 1.5);
  EXPECT_TRUE(line->json);
  EXPECT_EQ(line->dump_ring_seconds, 2);
  EXPECT_THAT(line->sources, ElementsAre("file"));
}

TEST(CommandLine, TakesEveryPathByItsName) {
  for (const ReadPath path : kReadPaths) {
    const auto line = Parse({"ingest", "a", absl::StrCat("--path=", std::string(ReadPathName(path)))});
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->path, path);
  }
}

TEST(CommandLine, TakesPollingForPathsOfIoUringOnly) {
  const auto line = Parse({"ingest", "a", "--path=nvme", "--iopoll", "--sqpoll"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_TRUE(line->poll_device && line->kernel_thread);
  EXPECT_THAT(std::string(Parse({"ingest", "a", "--path=pread", "--iopoll"}).status().message()), HasSubstr("uses no io_uring"));
}

TEST(CommandLine, TakesARandomOrderForWhatItMakesNoDifferenceTo) {
  EXPECT_EQ(Parse({"ingest", "--op=none", "file"})->shuffle_seed, std::nullopt);
  EXPECT_EQ(Parse({"ingest", "--order=random", "--op=none", "file"})->shuffle_seed, 1u);
  EXPECT_EQ(Parse({"ingest", "--order=random", "--seed=7", "--op=histogram", "file"})->shuffle_seed, 7u);
  EXPECT_EQ(Parse({"ingest", "--order=random", "--pull", "--op=crc32c", "file"})->shuffle_seed, 1u);
}

TEST(CommandLine, TakesGpusOnlyWhereItIsBuiltForThem) {
  for (const auto& [option, index] : {std::pair{"--device=hip", 0u}, std::pair{"--device=hip:3", 3u}}) {
    const auto line = Parse({"ingest", "a", option, "--workgroups=2000"});
    ASSERT_EQ(line.ok(), host::IsBuiltWithHip()) << line.status();
    if (line.ok()) {
      EXPECT_EQ(line->device, DeviceKind::kHip);
      EXPECT_EQ(line->gpu_index, index);
    } else {
      EXPECT_THAT(std::string(line.status().message()), HasSubstr(absl::StrCat(option, ": this penstock is built without HIP")));
      EXPECT_THAT(RemedyOf(line.status()), HasSubstr("-DPENSTOCK_WITH_HIP=ON"));
    }
  }
}

TEST(CommandLine, RefusesBuffersThatItDoesNotKnow) {
  for (const char* buffer : {"--buffer=gpu", "--buffer=p2pmem", "--buffer=p2pmem:", "--buffer=window:", "--buffer=window:x",
                             "--buffer=window:-1", "--buffer=windows"}) {
    const std::string message(Parse({"ingest", "a", buffer}).status().message());
    EXPECT_THAT(message, HasSubstr("p2pmem:0000:41:00.0")) << buffer;
    EXPECT_THAT(message, HasSubstr("window:N")) << buffer;
  }
}

TEST(CommandLine, TakesWindowsByNumberOrTheOnlyOne) {
  EXPECT_EQ(Parse({"ingest", "a"})->buffer.kind, BufferChoice::Kind::kPinned);
  for (const auto& [option, number] : {std::pair<const char*, std::optional<uint32_t>>{"--buffer=window", std::nullopt},
                                       {"--buffer=window:0", 0u},
                                       {"--buffer=window:12", 12u}}) {
    const auto line = Parse({"ingest", "a", option});
    ASSERT_TRUE(line.ok()) << line.status();
    EXPECT_EQ(line->buffer.kind, BufferChoice::Kind::kWindow);
    EXPECT_EQ(line->buffer.window_number, number) << option;
  }
}

TEST(CommandLine, WindowTakesAnActionAndItsOptions) {
  const auto list = Parse({"window", "list", "--json"});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->command, Command::kWindow);
  EXPECT_EQ(list->window.action, WindowAction::kList);
  EXPECT_TRUE(list->json);
  const auto release = Parse({"window", "release", "3"});
  ASSERT_TRUE(release.ok()) << release.status();
  EXPECT_EQ(release->window.action, WindowAction::kRelease);
  EXPECT_EQ(release->window.number, 3u);
  const auto check = Parse({"window", "check", "--volume=/dev/ng0n1", "--device=cpu"});
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_EQ(check->window.action, WindowAction::kCheck);
  EXPECT_EQ(check->window.number, std::nullopt);
  EXPECT_EQ(check->window.volume, "/dev/ng0n1");
  EXPECT_EQ(check->device, DeviceKind::kCpu);
  EXPECT_EQ(Parse({"window", "check", "2"})->window.number, 2u);
  EXPECT_EQ(Parse({"window", "check"})->window.volume, "");
}

TEST(CommandLine, WindowReserveTakesAGpuAndASize) {
  const auto line = Parse({"window", "reserve", "--device=hip:1", "--size=64MiB"});
  if (!host::IsBuiltWithHip()) {
    EXPECT_THAT(std::string(line.status().message()), HasSubstr("built without HIP"));
    return;
  }
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->window.action, WindowAction::kReserve);
  EXPECT_EQ(line->window.size_bytes, 64u << 20);
  EXPECT_EQ(line->gpu_index, 1u);
  for (const char* size : {"--size=0", "--size=1MiB", "--size=3MiB"}) {
    EXPECT_THAT(std::string(Parse({"window", "reserve", "--device=hip", size}).status().message()),
                HasSubstr("a multiple of 2MiB"));
  }
}

TEST(CommandLine, WindowRefusesWhatItDoesNotKnow) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"window"}, "no action"},
      {{"window", "open"}, "no action open"},
      {{"window", "list", "1"}, "does not take 1"},
      {{"window", "list", "--size=2MiB"}, "penstock window list has no option --size"},
      {{"window", "list", "--depth=3"}, "it takes --json"},
      {{"window", "reserve", "--size=2MiB"}, "--device=hip:N"},
      {{"window", "reserve", "--size=2MiB", "--device=cpu"}, "without a GPU"},
      {{"window", "release"}, "names no window"},
      {{"window", "release", "x"}, "x is no window's number"},
      {{"window", "release", "-1"}, "no option"},
      {{"window", "release", "1", "2"}, "does not take 2"},
      {{"window", "release", "1", "--json"}, "it takes no options"},
      {{"window", "check", "1", "--pattern=x"}, "penstock window check has no option --pattern"},
      {{"window", "check", "1", "--read-timeout=3"}, "has no option --read-timeout"},
      {{"ingest", "a", "--size=2MiB"}, "penstock ingest has no option --size"},
      {{"ingest", "a", "--volume=b"}, "penstock ingest has no option --volume"},
      {{"probe", "--volume=b"}, "penstock probe has no option --volume"},
  };
  for (const auto& [words, expected] : cases) {
    const auto line = Parse(words);
    ASSERT_FALSE(line.ok()) << expected;
    EXPECT_THAT(std::string(line.status().message()), HasSubstr(expected));
    EXPECT_NE(RemedyOf(line.status()), "") << line.status();
  }
}

TEST(CommandLine, ProbeTakesVolumesAndJsonOnly) {
  const auto line = Parse({"probe", "/dev/ng0n1", "--json"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->command, Command::kProbe);
  EXPECT_THAT(line->sources, ElementsAre("/dev/ng0n1"));
  EXPECT_TRUE(line->json);
  EXPECT_TRUE(Parse({"probe"})->sources.empty());
  EXPECT_THAT(Parse({"probe", "--", "--depth=3"})->sources, ElementsAre("--depth=3"));
  for (const char* option : {"--depth=3", "--path=auto", "--pattern=x", "--read-timeout=3", "--sqpoll"}) {
    const std::string name(absl::string_view(option).substr(0, absl::string_view(option).find('=')));
    const auto refused = Parse({"probe", "a", option});
    ASSERT_FALSE(refused.ok()) << option;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(absl::StrCat("probe has no option ", name, ".")));
    EXPECT_THAT(RemedyOf(refused.status()), HasSubstr("--json"));
  }
}

TEST(CommandLine, TakesOptionsWithOneDash) {
  const auto line = Parse({"ingest", "a", "-op=match", "-pattern=x", "-pattern", "y", "-read-timeout=3", "-depth", "7"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_EQ(line->operation, "match");
  EXPECT_THAT(line->patterns, ElementsAre("x", "y"));
  EXPECT_EQ(line->read_timeout_seconds, 3);
  EXPECT_EQ(line->depth, 7u);
}

TEST(CommandLine, TakesNamesThatLookLikeOptionsAfterTwoDashes) {
  const auto line = Parse({"ingest", "--", "--json", "-x"});
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_THAT(line->sources, ElementsAre("--json", "-x"));
  EXPECT_FALSE(line->json);
}

TEST(CommandLine, RefusesWrongLinesAndSaysWhatIsAllowed) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "no command"},
      {{"devour", "a"}, "no command devour"},
      {{"ingest"}, "no source"},
      {{"ingest", "a", "--op=md5"}, "use one of crc32c, histogram, match, verify, none"},
      {{"ingest", "a", "--path=best"}, "use one of auto, bar, nvme, read, pread"},
      {{"ingest", "a", "--device=gpu"}, "use one of auto, cpu, hip, or hip: and a GPU's number"},
      {{"ingest", "a", "--device=hip:"}, "e.g. hip:1"},
      {{"ingest", "a", "--device=hip:x"}, "e.g. hip:1"},
      {{"ingest", "a", "--device=hip:-1"}, "e.g. hip:1"},
      {{"ingest", "a", "--device=hip1"}, "e.g. hip:1"},
      {{"ingest", "a", "--chunk=1000"}, "multiple of 4KiB"},
      {{"ingest", "a", "--chunk=1GiB"}, "at most 256MiB"},
      {{"ingest", "a", "--chunk=big"}, "1MiB"},
      {{"ingest", "a", "--depth=0"}, "1 to 4096"},
      {{"ingest", "a", "--depth=5000"}, "1 to 4096"},
      {{"ingest", "a", "--depth", "-3"}, "depth"},
      {{"ingest", "a", "--depth"}, "no value"},
      {{"ingest", "a", "--offset=-1"}, "--offset: Illegal value '-1'"},
      {{"ingest", "a", "--length=all"}, "write a byte count such as 4096, 64KiB"},
      {{"ingest", "a", "--length"}, "no value"},
      {{"ingest", "a", "--length="}, "no value"},
      {{"ingest", "a", "--length", ""}, "no value"},
      {{"ingest", "a", "--order=backwards"}, "use one of sequential, random"},
      {{"ingest", "a", "--order=random"}, "--pull with --op=crc32c"},
      {{"ingest", "a", "--op=none", "--seed=7"}, "--seed without --order=random"},
      {{"ingest", "a", "--op=none", "--order=sequential", "--seed", "1"}, "leave --seed out"},
      {{"ingest", "a", "--order=random", "--op=verify", "--pattern=a"}, "leave --order out"},
      {{"ingest", "a", "--device=cpu", "--workgroups=2000"}, "1 to 1024"},
      {{"ingest", "a", "--workgroups=70000"}, "1 to 65535"},
      {{"ingest", "a", "--read-timeout=0"}, "not positive"},
      {{"ingest", "a", "--op=match"}, "--pattern=TEXT"},
      {{"ingest", "a", "--op=verify", "--pattern=a", "--pattern=b"}, "one --pattern=TEXT"},
      {{"ingest", "a", "--pattern=x"}, "takes no pattern"},
      {{"ingest", "a", "--pattern"}, "no value"},
      {{"ingest", "a", "--nosuch=1"}, "no option --nosuch"},
  };
  for (const auto& [words, expected] : cases) {
    const auto line = Parse(words);
    ASSERT_FALSE(line.ok()) << expected;
    EXPECT_THAT(std::string(line.status().message()), HasSubstr(expected));
    EXPECT_NE(RemedyOf(line.status()), "") << line.status();
  }
}

TEST(CommandLine, HelpTellsOfEveryOption) {
  const std::string help = HelpText();
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (!absl::StrContains(flag->Filename(), "benchmarks/cli")) continue;
    EXPECT_THAT(help, HasSubstr(absl::StrCat("--", absl::StrReplaceAll(name, {{"_", "-"}}))));
  }
  EXPECT_TRUE(Parse({"--help"})->help);
  EXPECT_TRUE(Parse({"ingest", "-h"})->help);
  EXPECT_TRUE(Parse({"--version"})->version);
}

}  // namespace
}  // namespace penstock::cli
