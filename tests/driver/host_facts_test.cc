// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "penstock/host_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>

#include "driver/io_uring_facts.h"
#include "driver/pci_facts.h"
#include "penstock/error.h"
#include "tests/driver/child_process.h"
#include "tests/driver/fake_tree.h"

namespace penstock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostFactsOfATree : public ::testing::Test {
 protected:
  HostFacts Read() const {
    return ReadHostFacts({.sys = tree_.root() + "/sys",
                          .proc = tree_.root() + "/proc",
                          .boot = tree_.root() + "/boot",
                          .dev = tree_.root() + "/dev"});
  }

  /// A PCI function in the place where its link leads.
  std::string Function(const std::string& address, const std::string& pci_class, const std::string& driver = "") {
    std::string folder = "sys/devices/pci0000:00/" + address;
    tree_.File(folder + "/class", pci_class);
    tree_.Link("sys/bus/pci/devices/" + address, folder);
    if (!driver.empty()) {
      tree_.Folder("sys/bus/pci/drivers/" + driver);
      tree_.Link(folder + "/driver", "sys/bus/pci/drivers/" + driver);
    }
    return folder;
  }

  void Pool(const std::string& function) {
    tree_.File(function + "/p2pmem/size", "67108864");
    tree_.File(function + "/p2pmem/available", "66912256");
    tree_.File(function + "/p2pmem/published", "1");
  }

  FakeTree tree_;
};

TEST_F(HostFactsOfATree, LeavesOutWhatIsNotThere) {
  const HostFacts facts = Read();
  EXPECT_EQ(facts.kernel_release, "");
  EXPECT_FALSE(facts.kernel_is_at_least(0, 0));
  EXPECT_EQ(facts.io_uring.disabled_sysctl, std::nullopt);
  EXPECT_EQ(facts.memory.huge_pages, 0);
  EXPECT_EQ(facts.memory.transparent_huge, "");
  EXPECT_THAT(facts.iommu.units, IsEmpty());
  EXPECT_EQ(facts.iommu.group_count, 0);
  EXPECT_EQ(facts.has_p2pdma, std::nullopt);
  EXPECT_THAT(facts.p2p_providers, IsEmpty());
  EXPECT_THAT(facts.gpus, IsEmpty());
  EXPECT_THAT(RemedyOf(facts.peer_windows.usable), HasSubstr("modprobe penstock_p2p"));
  EXPECT_THAT(facts.peer_windows.windows, IsEmpty());
}

TEST_F(HostFactsOfATree, SayWhyTheWindowModuleCannotBeAsked) {
  tree_.File("dev/penstock_p2p", "");
  EXPECT_THAT(CauseOf(Read().peer_windows.usable), HasSubstr("speaks version 0"));
}

TEST_F(HostFactsOfATree, ComparesKernelVersionsByNumber) {
  tree_.File("proc/sys/kernel/osrelease", "6.10.0-50-cloud-amd64");
  const HostFacts facts = Read();
  EXPECT_EQ(facts.kernel_release, "6.10.0-50-cloud-amd64");
  EXPECT_TRUE(facts.kernel_is_at_least(5, 19));
  EXPECT_TRUE(facts.kernel_is_at_least(6, 2));
  EXPECT_TRUE(facts.kernel_is_at_least(6, 10));
  EXPECT_FALSE(facts.kernel_is_at_least(6, 11));
  EXPECT_FALSE(facts.kernel_is_at_least(7, 0));
  tree_.File("proc/sys/kernel/osrelease", "7.2-rc1");
  EXPECT_TRUE(Read().kernel_is_at_least(7, 2));
}

TEST_F(HostFactsOfATree, CountsHugePages) {
  tree_.File("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "64");
  tree_.File("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "60");
  tree_.File("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
  EXPECT_EQ(Read().memory.huge_pages, 64);
  EXPECT_EQ(Read().memory.free_huge_pages, 60);
  EXPECT_EQ(Read().memory.transparent_huge, "madvise");
}

TEST_F(HostFactsOfATree, KnowsTheLockedMemoryLimit) {
  const std::string header = "Limit                     Soft Limit           Hard Limit           Units     \n";
  tree_.File("proc/self/limits", header + "Max locked memory         8388608              16777216             bytes     ");
  tree_.File("proc/self/status", "Name:\ttest\nCapEff:\t0000000000000000");
  EXPECT_EQ(Read().memory.locked_limit_bytes, 8388608);
  tree_.File("proc/self/status", "Name:\ttest\nCapEff:\t0000000000004000");  // CAP_IPC_LOCK
  EXPECT_EQ(Read().memory.locked_limit_bytes, std::nullopt);
  tree_.File("proc/self/status", "Name:\ttest\nCapEff:\t000001ffffffbfff");  // everything but that
  EXPECT_EQ(Read().memory.locked_limit_bytes, 8388608);
  tree_.File("proc/self/limits", header + "Max locked memory         unlimited            unlimited            bytes     ");
  EXPECT_EQ(Read().memory.locked_limit_bytes, std::nullopt);
}

TEST_F(HostFactsOfATree, NamesTheIommus) {
  tree_.Folder("sys/class/iommu/ivhd0");
  tree_.Folder("sys/class/iommu/ivhd1");
  for (const char* group : {"0", "1", "2"}) tree_.Folder(std::string("sys/kernel/iommu_groups/") + group);
  EXPECT_THAT(Read().iommu.units, ElementsAre("ivhd0", "ivhd1"));
  EXPECT_EQ(Read().iommu.group_count, 3);
}

TEST_F(HostFactsOfATree, AsksTheConfigurationOfTheRunningKernelForP2pdma) {
  tree_.File("proc/sys/kernel/osrelease", "6.1.0-50-amd64");
  tree_.File("boot/config-6.1.0-49-amd64", "CONFIG_PCI_P2PDMA=y");
  EXPECT_EQ(Read().has_p2pdma, std::nullopt);
  tree_.File("boot/config-6.1.0-50-amd64", "CONFIG_PCI=y\n# CONFIG_PCI_P2PDMA is not set");
  EXPECT_EQ(Read().has_p2pdma, false);
  tree_.File("boot/config-6.1.0-50-amd64", "CONFIG_PCI=y\nCONFIG_PCI_P2PDMA=y");
  EXPECT_EQ(Read().has_p2pdma, true);
}

TEST_F(HostFactsOfATree, ListsFunctionsWithPeerToPeerMemory) {
  Function("0000:00:03.0", "0x010802", "nvme");
  Pool(Function("0000:00:04.0", "0x010802", "nvme"));
  const HostFacts before = Read();
  ASSERT_EQ(before.p2p_providers.size(), 1);
  EXPECT_FALSE(before.p2p_providers[0].can_be_mapped);  // kernel 6.1
  tree_.File("sys/devices/pci0000:00/0000:00:04.0/p2pmem/allocate", "");
  const HostFacts facts = Read();
  ASSERT_EQ(facts.p2p_providers.size(), 1);
  const P2pProvider& provider = facts.p2p_providers[0];
  EXPECT_EQ(provider.pci_address, "0000:00:04.0");
  EXPECT_EQ(provider.driver, "nvme");
  EXPECT_EQ(provider.size_bytes, 67108864);
  EXPECT_EQ(provider.free_bytes, 66912256);
  EXPECT_TRUE(provider.is_published);
  EXPECT_TRUE(provider.can_be_mapped);
  EXPECT_FALSE(provider.is_gpu);
  EXPECT_EQ(facts.has_p2pdma, true);
}

TEST_F(HostFactsOfATree, TellsAGpusPoolFromOthers) {
  Pool(Function("0000:03:00.0", "0x030000", "amdgpu"));
  EXPECT_TRUE(Read().p2p_providers.at(0).is_gpu);
}

TEST_F(HostFactsOfATree, ListsGpusWithTheirBars) {
  const std::string gpu = Function("0000:03:00.0", "0x030000", "amdgpu");
  tree_.File(gpu + "/vendor", "0x1002");
  tree_.File(gpu + "/device", "0x744c");
  tree_.File(gpu + "/numa_node", "1");
  tree_.File(gpu + "/resource",
             "0x0000007800000000 0x0000007dffffffff 0x000000000014220c\n"
             "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
             "0x0000007e00000000 0x0000007e0fffffff 0x000000000014220c\n"
             "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
             "0x000000000000e000 0x000000000000e0ff 0x0000000000040101\n"
             "0x00000000fcb00000 0x00000000fcbfffff 0x0000000000040200\n"
             "0x0000000000000000 0x0000008fffffffff 0x0000000000040200");
  Function("0000:05:00.0", "0x120000");
  Function("0000:06:00.0", "0x020000", "e1000e");
  HostFacts facts = Read();
  ASSERT_EQ(facts.gpus.size(), 2);
  EXPECT_EQ(facts.gpus[0].pci_address, "0000:03:00.0");
  EXPECT_EQ(facts.gpus[0].vendor, 0x1002);
  EXPECT_EQ(facts.gpus[0].device, 0x744c);
  EXPECT_EQ(facts.gpus[0].driver, "amdgpu");
  EXPECT_EQ(facts.gpus[0].numa_node, 1);
  EXPECT_EQ(facts.gpus[0].largest_bar_bytes, uint64_t{24} << 30);  // not the window in the seventh line
  EXPECT_EQ(facts.gpus[0].memory_bytes, std::nullopt);
  EXPECT_EQ(facts.gpus[0].has_large_bar, std::nullopt);
  EXPECT_EQ(facts.gpus[1].pci_address, "0000:05:00.0");
  EXPECT_EQ(facts.gpus[1].driver, "");
  EXPECT_EQ(facts.gpus[1].largest_bar_bytes, 0);
  tree_.File(gpu + "/mem_info_vram_total", std::to_string(uint64_t{24} << 30));
  EXPECT_EQ(Read().gpus[0].has_large_bar, true);
  tree_.File(gpu + "/mem_info_vram_total", std::to_string((uint64_t{24} << 30) + 1));
  EXPECT_EQ(Read().gpus[0].has_large_bar, false);
}

TEST(IoUringRefusal, BlamesTheSysctlOnlyWhereItIsSet) {
  const absl::Status off = driver::IoUringRefusal(EPERM, 2);
  EXPECT_EQ(off.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(CauseOf(off), HasSubstr("kernel.io_uring_disabled is 2"));
  EXPECT_EQ(RemedyOf(off), "sysctl kernel.io_uring_disabled=0");
  EXPECT_THAT(RemedyOf(driver::IoUringRefusal(EPERM, 1)), HasSubstr("io_uring_group"));
  for (const absl::Status& filtered : {driver::IoUringRefusal(EPERM, 0), driver::IoUringRefusal(ENOSYS, std::nullopt)}) {
    EXPECT_EQ(filtered.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(RemedyOf(filtered), HasSubstr("seccomp"));
  }
  EXPECT_THAT(RemedyOf(driver::IoUringRefusal(ENOMEM, 0)), HasSubstr("ulimit -l"));
  EXPECT_THAT(RemedyOf(driver::IoUringRefusal(EMFILE, 0)), HasSubstr("ulimit -n"));
  EXPECT_EQ(ErrnoOf(driver::IoUringRefusal(EINVAL, 0)), EINVAL);
}

TEST(ProbeIoUring, SaysThatASeccompFilterForbidsIt) {
  const std::string answer = RunInChild([] {
    if (!RefuseSystemCall(SYS_io_uring_setup, EPERM)) return std::string("no seccomp");
    const IoUringFacts facts = driver::ProbeIoUring(0);
    if (facts.usable.ok() || facts.has_big_entries || facts.has_passthrough) return std::string("claims that it works");
    return RemedyOf(facts.usable);
  });
  if (answer == "no seccomp") GTEST_SKIP() << "no seccomp filter can be set. Fix: run where prctl(PR_SET_SECCOMP) is allowed.";
  EXPECT_THAT(answer, HasSubstr("seccomp profile"));
}

TEST(HostFactsOfThisMachine, AgreeWithItsKernelVersion) {
  const HostFacts facts = ReadHostFacts();
  EXPECT_NE(facts.kernel_release, "");
  if (!facts.io_uring.usable.ok()) GTEST_SKIP() << facts.io_uring.usable;
  // Distributions carry features back, not away.
  if (facts.kernel_is_at_least(5, 19)) {
    EXPECT_TRUE(facts.io_uring.has_big_entries);
    EXPECT_TRUE(facts.io_uring.has_passthrough);
  }
  if (facts.kernel_is_at_least(6, 1)) {
    EXPECT_TRUE(facts.io_uring.has_deferred_work);
  }
}

TEST(HostFactsOfThisMachine, SeeTheLimitOfThisProcess) {
  const std::string answer = RunInChild([] {
    const rlimit limit{.rlim_cur = 5 << 20, .rlim_max = 6 << 20};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return std::string("no limit");
    const bool was_root = geteuid() == 0;
    if (was_root && setresuid(65534, 65534, 65534) != 0) return std::string("no other user");
    return std::to_string(ReadHostFacts().memory.locked_limit_bytes.value_or(0));
  });
  if (answer == "no limit" || answer == "no other user") GTEST_SKIP() << answer << ". Fix: run with CAP_SETUID.";
  EXPECT_EQ(answer, std::to_string(5 << 20));
}

}  // namespace
}  // namespace penstock
