// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/cli/probe_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "penstock/error.h"
#include "runtime/host/survey_json.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

HostFacts ExampleHost() {
  HostFacts host;
  host.kernel_release = "6.12.1";
  host.io_uring.has_big_entries = true;
  host.io_uring.has_passthrough = true;
  host.memory = {.locked_limit_bytes = 8u << 20, .huge_pages = 4, .free_huge_pages = 3, .transparent_huge = "madvise"};
  host.iommu = {.units = {"dmar0", "dmar1"}, .group_count = 7};
  host.has_p2pdma = true;
  host.p2p_providers = {{.pci_address = "0000:41:00.0",
                         .driver = "nvme",
                         .size_bytes = 64u << 20,
                         .free_bytes = 32u << 20,
                         .is_published = true,
                         .can_be_mapped = true}};
  host.gpus = {{.pci_address = "0000:c1:00.0",
                .vendor = 0x1002,
                .device = 0x740f,
                .driver = "amdgpu",
                .numa_node = 1,
                .largest_bar_bytes = 64ull << 30,
                .memory_bytes = 64ull << 30,
                .has_large_bar = true}};
  host.peer_windows.windows = {{.number = 3,
                                .pci_address = "0000:c1:00.0",
                                .length_bytes = 1u << 30,
                                .mapping_count = 1,
                                .pieces = {{.bar = 0, .offset_bytes = 1u << 30, .length_bytes = 1u << 30}}}};
  return host;
}

VolumeSurvey ExampleNamespace() {
  VolumeSurvey volume;
  volume.name = "/dev/ng0n1";
  volume.size_bytes = 1u << 30;
  volume.block_bytes = 512;
  volume.nvme.emplace();
  volume.nvme->path_count = 2;
  volume.nvme->max_command_bytes = 256u << 10;
  volume.nvme->controller = {.name = "nvme0",
                             .pci_address = "0000:41:00.0",
                             .model = "Some Drive",
                             .serial = "S1",
                             .firmware = "F2",
                             .max_transfer_bytes = 512u << 10,
                             .numa_node = 1};
  volume.findings = {{ReadPath::kNvme, "pinned", std::nullopt},
                     {ReadPath::kRead, "pinned", Refusal{ReadPath::kRead, "no rights", "get some"}},
                     {ReadPath::kPread, "pinned", Refusal{ReadPath::kPread, "no rights", "get some"}},
                     {ReadPath::kBar, "p2pmem:0000:41:00.0", std::nullopt},
                     {ReadPath::kBar, "p2pmem:0000:42:00.0", Refusal{ReadPath::kBar, "out of reach", "move it"}}};
  volume.automatic = ReadPath::kNvme;
  return volume;
}

VolumeSurvey Failed() {
  VolumeSurvey volume;
  volume.name = "odd\xff";
  volume.status = MakeErrnoError(absl::StatusCode::kNotFound, 2, What("it cannot be opened"), Fix("name a file that exists"));
  return volume;
}

host::FoundGpus NoGpus() {
  return MakeError(absl::StatusCode::kFailedPrecondition, What("no GPU can be used"), Fix("install its driver"));
}

TEST(ProbeReport, TextTellsTheHost) {
  EXPECT_EQ(FormatSurvey({.host = ExampleHost(), .volumes = {}}, NoGpus()),
            "kernel         6.12.1\n"
            "io_uring       works; passthrough: yes, deferred work: no (from Linux 6.1)\n"
            "locked memory  at most 8.00 MiB\n"
            "huge pages     4 of 2 MiB reserved, 3 free; transparent: madvise\n"
            "IOMMU          dmar0, dmar1; 7 groups\n"
            "P2P memory     0000:41:00.0 (nvme): 64.0 MiB, 32.0 MiB free, --buffer=p2pmem:0000:41:00.0\n"
            "GPU            0000:c1:00.0: 1002:740f, driver amdgpu, BAR 64.0 GiB of 64.0 GiB memory, large BAR\n"
            "window         3: 1.00 GiB of 0000:c1:00.0, BAR 0 at 0x40000000, mapped once, --buffer=window:3\n"
            "HIP            refused: no GPU can be used. Fix: install its driver.\n"
            "\n"
            "no NVMe namespace on this machine; penstock probe FILE tries the paths on a file or block device\n");
}

TEST(ProbeReport, TextOfABareHostSaysWhatIsMissing) {
  HostFacts host;
  host.io_uring.usable = MakeError(absl::StatusCode::kUnavailable, What("switched off"), Fix("switch it on"));
  host.has_p2pdma = false;
  const std::string text = FormatSurvey({.host = host, .volumes = {}}, NoGpus());
  EXPECT_THAT(text, HasSubstr("io_uring       refused: switched off. Fix: switch it on.\n"));
  EXPECT_THAT(text, HasSubstr("locked memory  no limit\n"));
  EXPECT_THAT(text, HasSubstr("IOMMU          none, or switched off\n"));
  EXPECT_THAT(text, HasSubstr("P2P memory     none: this kernel is built without CONFIG_PCI_P2PDMA\n"));
  EXPECT_THAT(text, HasSubstr("GPUs           none\n"));
}

TEST(ProbeReport, TellsStepByStepWhatIsMissingForAWindow) {
  HostFacts host = ExampleHost();
  host.peer_windows = {.usable = MakeError(absl::StatusCode::kFailedPrecondition, What("no module"), Fix("load it")),
                       .windows = {}};
  host.gpus[0].driver.clear();
  EXPECT_THAT(
      FormatSurvey({.host = host, .volumes = {}}, NoGpus()),
      HasSubstr("\n"
                "windows        none that is pinned; to read into a GPU's memory, step by step:\n"
                "               1. no GPU has a driver that exports its memory: 0000:c1:00.0 has no driver. "
                "Fix: load the GPU's driver (amdgpu, nvidia or xe).\n"
                "               2. no module. Fix: load it.\n"
                "               3. no window is reserved. Fix: run penstock window reserve --device=hip:0 --size=1GiB.\n"));
  const nlohmann::json json = nlohmann::json::parse(host::FormatSurveyJson({.host = host, .volumes = {}}, NoGpus()))["host"];
  EXPECT_TRUE(json["window"].empty());
  EXPECT_EQ(json["window_error"]["cause"], "no module");
  ASSERT_EQ(json["window_missing"].size(), 3u);
  EXPECT_EQ(json["window_missing"][1], nlohmann::json({{"cause", "no module"}, {"remedy", "load it"}}));
}

TEST(ProbeReport, TextTellsWhyAProvidersMemoryIsNotForUs) {
  HostFacts host = ExampleHost();
  host.p2p_providers[0].can_be_mapped = false;
  EXPECT_THAT(FormatSurvey({.host = host, .volumes = {}}, NoGpus()), HasSubstr("free, not to be mapped before Linux 6.2\n"));
  host.p2p_providers[0].is_published = false;
  EXPECT_THAT(FormatSurvey({.host = host, .volumes = {}}, NoGpus()), HasSubstr("free, not published\n"));
  host.p2p_providers[0].is_gpu = true;
  EXPECT_THAT(FormatSurvey({.host = host, .volumes = {}}, NoGpus()), HasSubstr("free, its driver's own\n"));
}

TEST(ProbeReport, TellsOfTheGpusThatCanRunTheKernelHowToAskForThem) {
  const Survey survey = {.host = ExampleHost(), .volumes = {}};
  const std::vector<GpuFacts> gpus = {{"Some GPU", "gfx90a:sramecc+:xnack-", 104}, {"Another", "gfx1100", 48}};
  EXPECT_THAT(FormatSurvey(survey, gpus),
              HasSubstr("HIP            --device=hip:0: Some GPU, gfx90a:sramecc+:xnack-, 104 compute units\n"
                        "HIP            --device=hip:1: Another, gfx1100, 48 compute units\n"));
  EXPECT_THAT(FormatSurvey(survey, std::vector<GpuFacts>()), HasSubstr("HIP            no GPU\n"));
  const nlohmann::json hip = nlohmann::json::parse(host::FormatSurveyJson(survey, gpus))["host"]["hip"];
  EXPECT_EQ(hip["gpu"].size(), 2u);
  EXPECT_EQ(hip["gpu"][1], nlohmann::json({{"name", "Another"}, {"architecture", "gfx1100"}, {"compute_units", 48}}));
  EXPECT_TRUE(hip["error"].is_null());
}

TEST(ProbeReport, JsonTellsWhyNoGpuCanBeUsed) {
  const nlohmann::json hip = nlohmann::json::parse(host::FormatSurveyJson({.host = {}, .volumes = {}}, NoGpus()))["host"]["hip"];
  EXPECT_TRUE(hip["gpu"].empty());
  EXPECT_EQ(hip["error"]["code"], "FAILED_PRECONDITION");
  EXPECT_EQ(hip["error"]["remedy"], "install its driver");
}

TEST(ProbeReport, TextHasALineForEachPathOfAVolume) {
  const std::string text = FormatSurvey({.host = {}, .volumes = {ExampleNamespace()}}, NoGpus());
  EXPECT_THAT(text, HasSubstr("\n"
                              "/dev/ng0n1  1.00 GiB, blocks of 512 B\n"
                              "  nvme0: Some Drive, serial S1, firmware F2, PCI 0000:41:00.0, NUMA node 1\n"
                              "  MDTS 512 KiB, kernel's limit 256 KiB a command, no poll queues (nvme.poll_queues), "
                              "2 controllers lead to it\n"
                              "  nvme   works\n"
                              "  read   refused: no rights. Fix: get some.\n"
                              "  pread  refused like read\n"
                              "  bar    works with --buffer=p2pmem:0000:41:00.0\n"
                              "  bar    refused with --buffer=p2pmem:0000:42:00.0: out of reach. Fix: move it.\n"
                              "  auto takes nvme\n"));
  EXPECT_THAT(text, Not(HasSubstr("no NVMe namespace")));
}

TEST(ProbeReport, TextOfAVolumeThatCannotBeUsedSaysSo) {
  EXPECT_THAT(FormatSurvey({.host = {}, .volumes = {Failed()}}, NoGpus()),
              HasSubstr("  FAILED: it cannot be opened: ENOENT (No such file or directory). Fix: name a file that exists.\n"));
  VolumeSurvey refused;
  refused.name = "file";
  refused.findings = {{ReadPath::kPread, "pinned", Refusal{ReadPath::kPread, "broken", "mend it"}}};
  EXPECT_THAT(FormatSurvey({.host = {}, .volumes = {refused}}, NoGpus()), HasSubstr("  auto takes nothing: no path works\n"));
}

TEST(ProbeReport, JsonTellsTheHost) {
  const nlohmann::json host =
      nlohmann::json::parse(host::FormatSurveyJson({.host = ExampleHost(), .volumes = {}}, NoGpus()))["host"];
  EXPECT_EQ(host["kernel"], "6.12.1");
  EXPECT_EQ(
      host["io_uring"],
      nlohmann::json(
          {{"works", true}, {"passthrough", true}, {"deferred_work", false}, {"disabled_sysctl", nullptr}, {"error", nullptr}}));
  EXPECT_EQ(host["locked_limit_bytes"], 8u << 20);
  EXPECT_EQ(host["huge_pages"], nlohmann::json({{"reserved", 4}, {"free", 3}, {"transparent", "madvise"}}));
  EXPECT_EQ(host["iommu"], nlohmann::json({{"units", {"dmar0", "dmar1"}}, {"group_count", 7}}));
  EXPECT_EQ(host["p2pdma"], true);
  EXPECT_EQ(host["p2p_provider"][0], nlohmann::json({{"pci_address", "0000:41:00.0"},
                                                     {"driver", "nvme"},
                                                     {"size_bytes", 64u << 20},
                                                     {"free_bytes", 32u << 20},
                                                     {"published", true},
                                                     {"can_be_mapped", true},
                                                     {"gpu", false}}));
  EXPECT_EQ(host["gpu"][0], nlohmann::json({{"pci_address", "0000:c1:00.0"},
                                            {"vendor", "1002"},
                                            {"device", "740f"},
                                            {"driver", "amdgpu"},
                                            {"numa_node", 1},
                                            {"largest_bar_bytes", 64ull << 30},
                                            {"memory_bytes", 64ull << 30},
                                            {"large_bar", true}}));
  EXPECT_EQ(host["window"][0]["number"], 3);
  EXPECT_EQ(host["window"][0]["state"], "pinned");
  EXPECT_TRUE(host["window_error"].is_null());
  EXPECT_TRUE(host["window_missing"].empty());
}

TEST(ProbeReport, JsonTellsTheVolumes) {
  const nlohmann::json json =
      nlohmann::json::parse(host::FormatSurveyJson({.host = {}, .volumes = {ExampleNamespace(), Failed()}}, NoGpus()));
  EXPECT_EQ(json["version"], PENSTOCK_VERSION);
  const nlohmann::json& volume = json["volume"][0];
  EXPECT_EQ(volume["name"], "/dev/ng0n1");
  EXPECT_EQ(volume["size_bytes"], 1u << 30);
  EXPECT_EQ(volume["block_bytes"], 512);
  EXPECT_EQ(volume["nvme"]["path_count"], 2);
  EXPECT_EQ(volume["nvme"]["max_command_bytes"], 256u << 10);
  EXPECT_EQ(volume["nvme"]["controller"]["firmware"], "F2");
  EXPECT_EQ(volume["nvme"]["controller"]["max_transfer_bytes"], 512u << 10);
  EXPECT_EQ(volume["nvme"]["controller"]["numa_node"], 1);
  EXPECT_EQ(volume["path"].size(), 5u);
  EXPECT_EQ(volume["path"][0],
            nlohmann::json({{"path", "nvme"}, {"buffer", "pinned"}, {"works", true}, {"cause", nullptr}, {"remedy", nullptr}}));
  EXPECT_EQ(volume["path"][4], nlohmann::json({{"path", "bar"},
                                               {"buffer", "p2pmem:0000:42:00.0"},
                                               {"works", false},
                                               {"cause", "out of reach"},
                                               {"remedy", "move it"}}));
  EXPECT_EQ(volume["auto"], "nvme");
  EXPECT_TRUE(volume["error"].is_null());
  const nlohmann::json& failed = json["volume"][1];
  EXPECT_TRUE(failed["size_bytes"].is_null() && failed["nvme"].is_null() && failed["auto"].is_null());
  EXPECT_TRUE(failed["path"].empty());
  EXPECT_EQ(failed["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(failed["error"]["remedy"], "name a file that exists");
}

TEST(ProbeReport, JsonOfMemoryThatIsNotThereHasNoBuffer) {
  VolumeSurvey volume;
  volume.findings = {{ReadPath::kBar, "", Refusal{ReadPath::kBar, "none", "add some"}}};
  const nlohmann::json json = nlohmann::json::parse(host::FormatSurveyJson({.host = {}, .volumes = {volume}}, NoGpus()));
  EXPECT_TRUE(json["volume"][0]["path"][0]["buffer"].is_null());
  EXPECT_TRUE(json["volume"][0]["auto"].is_null());
}

TEST(ProbeReport, NamesCannotMakeLinesOfTheirOwn) {
  Survey survey;
  survey.volumes.emplace_back().name = "a\n  auto takes nvme\x1b[31m";
  EXPECT_THAT(FormatSurvey(survey, NoGpus()), HasSubstr("\na\\n  auto takes nvme\\x1b[31m"));
}

}  // namespace
}  // namespace penstock::cli
