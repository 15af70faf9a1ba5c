// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "penstock/read_paths.h"
#include "tests/driver/temp_file.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kAddress[] = "0000:41:00.0";

P2pProvider Provider(const std::string& address) {
  return {.pci_address = address, .driver = "nvme", .is_published = true, .can_be_mapped = true};
}

HostFacts Host(const std::string& kernel, std::vector<P2pProvider> providers = {}) {
  HostFacts host;
  host.kernel_release = kernel;
  host.p2p_providers = std::move(providers);
  return host;
}

const PathFinding& FindingOf(const VolumeSurvey& survey, ReadPath path) {
  for (const PathFinding& finding : survey.findings) {
    if (finding.path == path) return finding;
  }
  ADD_FAILURE() << "path " << ReadPathName(path) << " was not tried";
  static const PathFinding none{};
  return none;
}

TEST(Survey, PeersAreThosePublishedMappableAndOfNoGpu) {
  P2pProvider hidden = Provider("0000:42:00.0"), old = Provider("0000:43:00.0"), gpu = Provider("0000:44:00.0");
  hidden.is_published = false;
  old.can_be_mapped = false;
  gpu.is_gpu = true;
  EXPECT_THAT(MappablePeers(Host("6.12.1", {hidden, old, Provider(kAddress), gpu})), ElementsAre(kAddress));
}

TEST(Survey, TellsWhyThereIsNoPeerMemory) {
  P2pProvider gpu = Provider(kAddress), hidden = Provider(kAddress);
  gpu.is_gpu = true;
  hidden.is_published = false;
  HostFacts without = Host("6.12.1");
  without.has_p2pdma = false;
  const struct {
    HostFacts host;
    const char* cause;
    const char* remedy;
  } cases[] = {
      {Host("6.1.0-50-amd64"), "Linux 6.1.0-50-amd64", "use Linux 6.2"},
      {without, "built without peer-to-peer memory", "CONFIG_PCI_P2PDMA"},
      {Host("6.12.1"), "no PCI function has published any", "CMB"},
      {Host("6.12.1", {gpu}), "the driver of a GPU", "HIP"},
      {Host("6.12.1", {gpu, hidden}), "that of 0000:41:00.0 is not published", "CMB"},
  };
  for (const auto& [host, cause, remedy] : cases) {
    const Refusal refusal = NoPeerMemory(host);
    EXPECT_EQ(refusal.path, ReadPath::kBar);
    EXPECT_THAT(refusal.cause, StartsWith("no device memory that can be mapped: "));
    EXPECT_THAT(refusal.cause, HasSubstr(cause));
    EXPECT_THAT(refusal.remedy, HasSubstr(remedy));
  }
}

TEST(Survey, OfAFileTriesEveryPathAndTakesTheFirstThatWorks) {
  const TempFile file(10'000);
  const VolumeSurvey survey = SurveyVolume(file.path(), Host("6.12.1", {Provider(kAddress)}));
  ASSERT_TRUE(survey.status.ok()) << survey.status;
  EXPECT_EQ(survey.size_bytes, 10'000);
  EXPECT_EQ(survey.block_bytes, 1);
  EXPECT_EQ(survey.nvme, std::nullopt);
  ASSERT_EQ(survey.findings.size(), kReadPaths.size());
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kBar}) {
    ASSERT_TRUE(FindingOf(survey, path).refusal.has_value());
    EXPECT_THAT(FindingOf(survey, path).refusal->cause, HasSubstr("no NVMe namespace"));
    EXPECT_EQ(FindingOf(survey, path).refusal->path, path);
  }
  EXPECT_EQ(FindingOf(survey, ReadPath::kBar).buffer, "");
  EXPECT_EQ(FindingOf(survey, ReadPath::kRead).buffer, "pinned");
  EXPECT_EQ(FindingOf(survey, ReadPath::kPread).refusal, std::nullopt);
  // Whether direct reads work is the file system's and the kernel's to say.
  const bool direct = !FindingOf(survey, ReadPath::kRead).refusal.has_value();
  EXPECT_EQ(survey.automatic, direct ? ReadPath::kRead : ReadPath::kPread);
  EXPECT_TRUE(survey.has_working_path());
}

TEST(Survey, OfAFileInMemoryTakesPread) {
  if (access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm. Fix: mount a tmpfs there.";
  const TempFile file(4096, "/dev/shm");
  const VolumeSurvey survey = SurveyVolume(file.path(), Host("6.12.1"));
  ASSERT_TRUE(FindingOf(survey, ReadPath::kRead).refusal.has_value());
  EXPECT_THAT(FindingOf(survey, ReadPath::kRead).refusal->cause, HasSubstr("tmpfs"));
  EXPECT_EQ(survey.automatic, ReadPath::kPread);
}

TEST(Survey, OfWhatCannotBeOpenedHasTheErrorAndNothingElse) {
  const VolumeSurvey survey = SurveyVolume("nowhere", Host("6.12.1"));
  EXPECT_EQ(survey.status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(survey.name, "nowhere");
  EXPECT_TRUE(survey.findings.empty());
  EXPECT_EQ(survey.automatic, std::nullopt);
  EXPECT_FALSE(survey.has_working_path());
}

TEST(Survey, OfAHostLooksAtTheVolumesInTheOrderGiven) {
  const TempFile file(1);
  const Survey survey = SurveyHost(std::vector<std::string>{"nowhere", file.path()});
  EXPECT_FALSE(survey.host.kernel_release.empty());
  ASSERT_EQ(survey.volumes.size(), 2u);
  EXPECT_EQ(survey.volumes[0].name, "nowhere");
  EXPECT_TRUE(survey.volumes[1].has_working_path());
}

TEST(AutomaticPaths, OfAFileAreTheSameForEveryKindOfMemory) {
  const TempFile file(1);
  for (const bool is_device_memory : {false, true}) {
    EXPECT_THAT(AutomaticPaths(file.Open(), is_device_memory), ElementsAre(ReadPath::kRead, ReadPath::kPread));
  }
}

}  // namespace
}  // namespace penstock
