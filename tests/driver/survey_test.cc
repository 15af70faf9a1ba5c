// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "driver/peer_window_error.h"
#include "penstock/error.h"
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

PciGpu Gpu(const std::string& driver, bool has_large_bar = true) {
  return {.pci_address = "0000:c1:00.0",
          .driver = driver,
          .largest_bar_bytes = 256u << 20,
          .memory_bytes = has_large_bar ? 256u << 20 : 16ull << 30,
          .has_large_bar = has_large_bar};
}

PeerWindow Window(uint32_t number, PeerWindow::State state = PeerWindow::State::kPinned) {
  return {.number = number, .state = state, .pci_address = "0000:c1:00.0"};
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

TEST(Survey, WindowsToTryAreThePinnedOnes) {
  HostFacts host = Host("6.12.1");
  host.peer_windows.windows = {Window(1), Window(2, PeerWindow::State::kRevoked), Window(5)};
  EXPECT_THAT(PinnedWindows(host), ElementsAre(1, 5));
}

/// A host that has everything, and of which one thing after another is taken.
class StepsToAWindow : public ::testing::Test {
 protected:
  StepsToAWindow() {
    host.has_p2pdma = true;
    host.gpus = {Gpu("amdgpu")};
    host.peer_windows.windows = {Window(1)};
  }

  /// There is no window, and `count` steps are missing; the first is this one.
  void ExpectFirst(const char* cause, const char* remedy, size_t count) {
    if (!PinnedWindows(host).empty()) host.peer_windows.windows.clear();
    const std::vector<Refusal> missing = MissingForAWindow(host);
    ASSERT_EQ(missing.size(), count) << cause;
    EXPECT_THAT(missing.front().cause, HasSubstr(cause));
    EXPECT_THAT(missing.front().remedy, HasSubstr(remedy));
    for (const Refusal& refusal : missing) EXPECT_FALSE(refusal.cause.empty() || refusal.remedy.empty());
  }

  HostFacts host = Host("6.12.1");
};

TEST_F(StepsToAWindow, AreNoneWhereOneIsPinned) {
  EXPECT_TRUE(MissingForAWindow(host).empty());
  host.gpus.clear();  // it may be of any device
  EXPECT_TRUE(MissingForAWindow(host).empty());
}

TEST_F(StepsToAWindow, EndWithReservingIt) {
  ExpectFirst("no window is reserved", "penstock window reserve", 1);
  host.has_p2pdma = std::nullopt;  // not known: the module will tell
  ExpectFirst("no window is reserved", "penstock window reserve", 1);
  host.peer_windows.windows = {Window(3, PeerWindow::State::kRevoked)};
  ExpectFirst("window 3 is revoked", "window release", 1);
}

TEST_F(StepsToAWindow, BeginWithTheKernel) {
  host.kernel_release = "6.1.0-50-amd64";
  ExpectFirst("Linux 6.1.0-50-amd64", "Linux 6.2", 2);
  host.kernel_release = "6.12.1";
  host.has_p2pdma = false;
  ExpectFirst("built without peer-to-peer memory", "CONFIG_PCI_P2PDMA", 2);
}

TEST_F(StepsToAWindow, NeedAGpuWhoseDriverExportsItsMemory) {
  for (const char* const driver : {"amdgpu", "nvidia", "xe"}) {
    host.gpus = {Gpu("ast"), Gpu(driver)};
    ExpectFirst("no window is reserved", "window reserve", 1);
  }
  host.gpus = {Gpu("ast"), Gpu("")};
  ExpectFirst("0000:c1:00.0 has driver ast, 0000:c1:00.0 has no driver", "load the GPU's driver", 2);
  host.gpus.clear();
  ExpectFirst("no GPU", "put one in", 2);
}

TEST_F(StepsToAWindow, NeedABarThatCoversTheMemoryOfOneGpuAtLeast) {
  host.gpus = {Gpu("amdgpu", /*has_large_bar=*/false)};
  ExpectFirst("256 MiB, does not cover the GPU's memory, 16384 MiB", "resizable BARs", 2);
  host.gpus.push_back(Gpu("amdgpu"));
  ExpectFirst("no window is reserved", "window reserve", 1);
}

TEST_F(StepsToAWindow, NeedTheModuleAndRightsOnIt) {
  for (const int error : {ENOENT, EACCES}) {
    host.peer_windows.usable = driver::WindowNodeError(error, PeerWindows::kNode);
    ExpectFirst(CauseOf(host.peer_windows.usable).c_str(), RemedyOf(host.peer_windows.usable).c_str(), 2);
  }
  host.gpus = {Gpu("amdgpu", /*has_large_bar=*/false)};
  host.kernel_release = "6.1.0";
  ExpectFirst("Linux 6.1.0", "Linux 6.2", 4);
}

TEST(Survey, TellsWhyThereIsNoPeerMemory) {
  P2pProvider gpu = Provider(kAddress), hidden = Provider(kAddress);
  gpu.is_gpu = true;
  hidden.is_published = false;
  HostFacts without = Host("6.12.1");
  without.has_p2pdma = false;
  HostFacts with_gpu = Host("6.12.1"), revoked = Host("6.12.1");
  with_gpu.gpus = {Gpu("amdgpu")};
  revoked.peer_windows.windows = {Window(3, PeerWindow::State::kRevoked)};
  const struct {
    HostFacts host;
    const char* cause;
    const char* remedy;
  } cases[] = {
      {Host("6.1.0-50-amd64"), "Linux 6.1.0-50-amd64", "use Linux 6.2"},
      {without, "built without peer-to-peer memory", "CONFIG_PCI_P2PDMA"},
      {Host("6.12.1"), "no PCI function has published any", "CMB"},
      {Host("6.12.1", {gpu}), "the driver of a GPU", "HIP"},
      {with_gpu, "no window is reserved", "window reserve"},
      {revoked, "window 3 is revoked", "window release"},
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
