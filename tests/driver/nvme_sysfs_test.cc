// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The trees are copies, cut down, of what kernels 6.1 and 7.2 show for emulated controllers.
#include "driver/nvme_sysfs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>
#include <string>

#include "penstock/error.h"
#include "tests/driver/fake_tree.h"

namespace penstock::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPciController[] = "devices/pci0000:00/0000:00:03.0/nvme/nvme0";
constexpr char kSubsystem[] = "devices/virtual/nvme-subsystem/nvme-subsys3";

class NvmeSysfs : public ::testing::Test {
 protected:
  NvmeSysfs() {
    tree_.Folder("dev/block");
    tree_.Folder("dev/char");
    tree_.File("module/nvme/parameters/poll_queues", "2");
  }

  /// A controller below a PCI function, or below the fabrics' one device.
  void Controller(const std::string& directory, const std::string& transport, const std::string& state = "live") {
    const std::string function = std::filesystem::path(directory).parent_path().parent_path();
    tree_.Folder(function);
    tree_.Link(directory + "/device", transport == "pcie" ? function : std::filesystem::path(directory).parent_path().string());
    tree_.File(directory + "/transport", transport);
    tree_.File(directory + "/state", state);
    tree_.File(directory + "/model", "QEMU NVMe Ctrl                          ");
    tree_.File(directory + "/serial", "plain0              ");
    tree_.File(directory + "/firmware_rev", "7.2.22  ");
    tree_.File(directory + "/numa_node", "-1");
  }

  /// A block device; hidden ones have neither number nor node.
  void Block(const std::string& directory, const std::string& number, const std::map<std::string, std::string>& queue = {}) {
    const std::string name = std::filesystem::path(directory).filename();
    tree_.Link("block/" + name, directory);
    tree_.File(directory + "/nsid", "1");
    tree_.File(directory + "/size", "32768");
    tree_.File(directory + "/hidden", number.empty() ? "1" : "0");
    std::map<std::string, std::string> files = {{"logical_block_size", "512"}, {"max_hw_sectors_kb", "512"},
                                                {"max_segments", "127"},       {"nr_requests", "1023"},
                                                {"dma_alignment", "3"},        {"io_poll", "0"}};
    for (const auto& [file, text] : queue) files[file] = text;
    for (const auto& [file, text] : files) tree_.File(directory + "/queue/" + file, text);
    if (number.empty()) return;
    tree_.File(directory + "/dev", number);
    tree_.Link("dev/block/" + number, directory);
  }

  void Generic(const std::string& directory, const std::string& number) {
    tree_.File(directory + "/dev", number);
    tree_.Link("dev/char/" + number, directory);
    tree_.Link("class/nvme-generic/" + std::filesystem::path(directory).filename().string(), directory);
  }

  /// One controller with one namespace.
  void Plain(const std::map<std::string, std::string>& queue = {}) {
    Controller(kPciController, "pcie");
    Block(std::string(kPciController) + "/nvme0n1", "259:1", queue);
    Generic(std::string(kPciController) + "/ng0n1", "245:1");
  }

  /// Two controllers that lead to one namespace.
  void Multipath(const std::string& first_state = "live") {
    const std::string first = "devices/pci0000:00/0000:00:05.0/nvme/nvme2";
    const std::string second = "devices/pci0000:00/0000:00:06.0/nvme/nvme10";
    Controller(first, "pcie", first_state);
    Controller(second, "pcie");
    Block(first + "/nvme3c2n1", "", {{"max_hw_sectors_kb", "512"}, {"io_poll", "1"}});
    Block(second + "/nvme3c10n1", "", {{"max_hw_sectors_kb", "128"}, {"max_segments", "33"}, {"io_poll", "0"}});
    Block(std::string(kSubsystem) + "/nvme3n1", "259:2", {{"nr_requests", "128"}, {"io_poll", "1"}});
    Generic(std::string(kSubsystem) + "/ng3n1", "245:0");
  }

  DeviceFacts Find(unsigned major_number, unsigned minor_number, NodeKind kind) {
    return FindDevice(makedev(major_number, minor_number), kind, tree_.root()).value();
  }

  FakeTree tree_;
};

TEST_F(NvmeSysfs, FindsBothNodesFromEither) {
  Plain();
  for (const DeviceFacts& facts : {Find(259, 1, NodeKind::kBlock), Find(245, 1, NodeKind::kCharacter)}) {
    ASSERT_TRUE(facts.space.has_value());
    EXPECT_EQ(facts.space->char_node, "/dev/ng0n1");
    EXPECT_EQ(facts.space->block_node, "/dev/nvme0n1");
    EXPECT_EQ(facts.space->id, 1);
    EXPECT_EQ(facts.space->path_count, 1);
    EXPECT_FALSE(facts.partition.has_value());
    EXPECT_FALSE(facts.is_nvme_controller);
  }
  EXPECT_EQ(Find(259, 1, NodeKind::kBlock).name, "nvme0n1");
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).name, "ng0n1");
}

TEST_F(NvmeSysfs, NamesTheController) {
  Plain();
  const NvmeController controller = Find(245, 1, NodeKind::kCharacter).space->controller;
  EXPECT_EQ(controller.name, "nvme0");
  EXPECT_EQ(controller.pci_address, "0000:00:03.0");
  EXPECT_EQ(controller.model, "QEMU NVMe Ctrl");
  EXPECT_EQ(controller.serial, "plain0");
  EXPECT_EQ(controller.firmware, "7.2.22");
  EXPECT_EQ(controller.numa_node, -1);
  EXPECT_EQ(controller.max_transfer_bytes, 0);
  tree_.File(std::string(kPciController) + "/numa_node", "1");
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).space->controller.numa_node, 1);
}

TEST_F(NvmeSysfs, TakesTheNumaNodeOfTheFunctionWhereTheControllerHasNone) {
  Plain();
  tree_.Remove(std::string(kPciController) + "/numa_node");
  tree_.File("devices/pci0000:00/0000:00:03.0/numa_node", "3");
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).space->controller.numa_node, 3);
}

TEST_F(NvmeSysfs, ReadsTheLimitsInBytes) {
  Plain({{"logical_block_size", "4096"}, {"max_hw_sectors_kb", "128"}, {"max_segments", "33"}, {"dma_alignment", "511"}});
  const NvmeNamespace space = *Find(245, 1, NodeKind::kCharacter).space;
  EXPECT_EQ(space.block_bytes, 4096);
  EXPECT_EQ(space.block_count, 4096);
  EXPECT_EQ(space.size_bytes(), 16 << 20);
  EXPECT_EQ(space.max_command_bytes, 128 << 10);
  EXPECT_EQ(space.max_segments, 33);
  EXPECT_EQ(space.queue_depth, 1023);
  EXPECT_EQ(space.memory_alignment, 512);
  EXPECT_EQ(space.metadata_bytes, 0);
}

TEST_F(NvmeSysfs, KnowsTheMetadataWhereTheKernelTells) {
  Plain();
  tree_.File(std::string(kPciController) + "/nvme0n1/metadata_bytes", "8");
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).space->metadata_bytes, 8);
}

TEST_F(NvmeSysfs, LeavesAtZeroWhatTheKernelDoesNotTell) {
  Plain();
  tree_.Remove(std::string(kPciController) + "/nvme0n1/queue");
  tree_.Remove(std::string(kPciController) + "/model");
  const NvmeNamespace space = *Find(245, 1, NodeKind::kCharacter).space;
  EXPECT_EQ(space.block_bytes, 0);
  EXPECT_EQ(space.max_command_bytes, 0);
  EXPECT_EQ(space.max_segments, 0);
  EXPECT_EQ(space.queue_depth, 0);
  EXPECT_EQ(space.memory_alignment, 0);
  EXPECT_EQ(space.controller.poll_queue_count, 0);
  EXPECT_EQ(space.controller.model, "");
}

TEST_F(NvmeSysfs, CountsPollQueuesOnlyWhereTheControllerHasThem) {
  Plain();
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).space->controller.poll_queue_count, 0);
  tree_.File(std::string(kPciController) + "/nvme0n1/queue/io_poll", "1");
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).space->controller.poll_queue_count, 2);
  tree_.Remove("module");
  EXPECT_EQ(Find(245, 1, NodeKind::kCharacter).space->controller.poll_queue_count, 1);
}

TEST_F(NvmeSysfs, HasNoCharacterNodeBeforeKernel5Point13) {
  Plain();
  tree_.Remove(std::string(kPciController) + "/ng0n1");
  const NvmeNamespace space = *Find(259, 1, NodeKind::kBlock).space;
  EXPECT_EQ(space.char_node, "");
  EXPECT_EQ(space.block_node, "/dev/nvme0n1");
}

TEST_F(NvmeSysfs, HasNoBlockNodeWhereTheKernelHidesIt) {
  Plain();
  tree_.Remove(std::string(kPciController) + "/nvme0n1/dev");
  const NvmeNamespace space = *Find(245, 1, NodeKind::kCharacter).space;
  EXPECT_EQ(space.block_node, "");
  EXPECT_EQ(space.char_node, "/dev/ng0n1");
  EXPECT_EQ(space.controller.name, "nvme0");
}

TEST_F(NvmeSysfs, KnowsAPartitionByItsBounds) {
  Plain();
  const std::string partition = std::string(kPciController) + "/nvme0n1/nvme0n1p2";
  tree_.File(partition + "/partition", "2");
  tree_.File(partition + "/start", "2048");
  tree_.File(partition + "/size", "8192");
  tree_.Link("dev/block/259:4", partition);
  const DeviceFacts facts = Find(259, 4, NodeKind::kBlock);
  EXPECT_EQ(facts.name, "nvme0n1p2");
  ASSERT_TRUE(facts.partition.has_value());
  EXPECT_EQ(facts.partition->disk, "/dev/nvme0n1");
  EXPECT_EQ(facts.partition->offset_bytes, 1 << 20);
  EXPECT_EQ(facts.partition->size_bytes, 4 << 20);
  ASSERT_TRUE(facts.space.has_value());
  EXPECT_EQ(facts.space->char_node, "/dev/ng0n1");
}

TEST_F(NvmeSysfs, KnowsAPartitionOfAnotherDisk) {
  tree_.File("devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1/partition", "1");
  tree_.Link("dev/block/8:1", "devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
  const DeviceFacts facts = Find(8, 1, NodeKind::kBlock);
  ASSERT_TRUE(facts.partition.has_value());
  EXPECT_EQ(facts.partition->disk, "/dev/sda");
  EXPECT_FALSE(facts.space.has_value());
}

TEST_F(NvmeSysfs, FollowsAllPathsOfAMultipathNamespace) {
  Multipath();
  for (const DeviceFacts& facts : {Find(259, 2, NodeKind::kBlock), Find(245, 0, NodeKind::kCharacter)}) {
    ASSERT_TRUE(facts.space.has_value());
    const NvmeNamespace& space = *facts.space;
    EXPECT_EQ(space.char_node, "/dev/ng3n1");
    EXPECT_EQ(space.block_node, "/dev/nvme3n1");
    EXPECT_EQ(space.path_count, 2);
    EXPECT_EQ(space.controller.name, "nvme2");
    EXPECT_EQ(space.controller.pci_address, "0000:00:05.0");
    EXPECT_EQ(space.controller.poll_queue_count, 2);
    // A command goes to one of the paths: the smallest limit holds, and the head's own queue does not count.
    EXPECT_EQ(space.max_command_bytes, 128 << 10);
    EXPECT_EQ(space.max_segments, 33);
    EXPECT_EQ(space.queue_depth, 1023);
  }
}

TEST_F(NvmeSysfs, PrefersALiveController) {
  Multipath("connecting");
  const NvmeNamespace space = *Find(245, 0, NodeKind::kCharacter).space;
  EXPECT_EQ(space.controller.name, "nvme10");
  EXPECT_EQ(space.controller.pci_address, "0000:00:06.0");
  EXPECT_EQ(space.controller.poll_queue_count, 0);
  EXPECT_EQ(space.path_count, 2);
}

TEST_F(NvmeSysfs, DoesNotTakeThePathsOfOtherNamespaces) {
  Multipath();
  const std::string other = "devices/pci0000:00/0000:00:05.0/nvme/nvme2";
  Block(other + "/nvme3c2n11", "");
  Block(other + "/nvme31c2n1", "");
  EXPECT_EQ(Find(245, 0, NodeKind::kCharacter).space->path_count, 2);
}

TEST_F(NvmeSysfs, KnowsANamespaceThatNoControllerLeadsToAnyMore) {
  Multipath();
  tree_.Remove("devices/pci0000:00");
  const NvmeNamespace space = *Find(245, 0, NodeKind::kCharacter).space;
  EXPECT_EQ(space.path_count, 0);
  EXPECT_EQ(space.controller.name, "");
}

TEST_F(NvmeSysfs, HasNoPciAddressOverAFabric) {
  const std::string directory = "devices/virtual/nvme-fabrics/ctl/nvme4";
  Controller(directory, "tcp");
  Block(directory + "/nvme4n1", "259:9", {{"io_poll", "1"}});
  Generic(directory + "/ng4n1", "245:9");
  const NvmeNamespace space = *Find(245, 9, NodeKind::kCharacter).space;
  EXPECT_EQ(space.controller.name, "nvme4");
  EXPECT_EQ(space.controller.pci_address, "");
  EXPECT_EQ(space.controller.poll_queue_count, 1);  // the parameter is the PCI driver's
}

TEST_F(NvmeSysfs, TellsTheControllersOwnNodeFromANamespace) {
  Plain();
  tree_.Link("dev/char/246:0", kPciController);
  const DeviceFacts facts = Find(246, 0, NodeKind::kCharacter);
  EXPECT_TRUE(facts.is_nvme_controller);
  EXPECT_FALSE(facts.space.has_value());
  EXPECT_EQ(facts.name, "nvme0");
}

TEST_F(NvmeSysfs, SaysThatOtherDevicesAreNoNamespaces) {
  tree_.Folder("devices/virtual/block/dm-0");
  tree_.Link("dev/block/254:0", "devices/virtual/block/dm-0");
  tree_.Folder("devices/virtual/mem/null");
  tree_.Link("dev/char/1:3", "devices/virtual/mem/null");
  tree_.Folder("devices/virtual/block/nvme0n1");  // the name alone does not make it one
  tree_.Link("dev/block/7:0", "devices/virtual/block/nvme0n1");
  for (const DeviceFacts& facts :
       {Find(254, 0, NodeKind::kBlock), Find(1, 3, NodeKind::kCharacter), Find(7, 0, NodeKind::kBlock)}) {
    EXPECT_FALSE(facts.space.has_value());
    EXPECT_FALSE(facts.partition.has_value());
    EXPECT_FALSE(facts.is_nvme_controller);
  }
}

TEST_F(NvmeSysfs, SaysWhenThereIsNoSuchDevice) {
  const absl::Status status = FindDevice(makedev(259, 77), NodeKind::kBlock, tree_.root()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(CauseOf(status), HasSubstr("block device 259:77"));
}

TEST_F(NvmeSysfs, SaysWhenThereIsNoSysfs) {
  const absl::Status status = FindDevice(makedev(259, 1), NodeKind::kBlock, tree_.root() + "/nothing").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(RemedyOf(status), HasSubstr("mount"));
}

TEST_F(NvmeSysfs, ListsEveryNamespaceOnceInTheOrderOfTheirNumbers) {
  Plain();
  Multipath();
  Block(std::string(kPciController) + "/nvme0n10", "259:30");
  Generic(std::string(kPciController) + "/ng0n2", "245:31");  // of a command set without a block device
  tree_.Folder("devices/virtual/block/loop0");
  tree_.Link("block/loop0", "devices/virtual/block/loop0");
  std::vector<std::string> nodes;
  for (const NvmeNamespace& space : ListNvmeNamespaces(tree_.root())) {
    nodes.push_back(space.block_node.empty() ? space.char_node : space.block_node);
  }
  EXPECT_THAT(nodes, ElementsAre("/dev/nvme0n1", "/dev/ng0n2", "/dev/nvme0n10", "/dev/nvme3n1"));
}

TEST_F(NvmeSysfs, ListsNothingOnAMachineWithoutNvme) {
  EXPECT_THAT(ListNvmeNamespaces(tree_.root()), IsEmpty());
  EXPECT_THAT(ListNvmeNamespaces(tree_.root() + "/nothing"), IsEmpty());
}

TEST(NvmeSysfsOfThisMachine, KnowsEachNamespaceThatItListsByItsNodes) {
  const std::vector<NvmeNamespace> spaces = ListNvmeNamespaces();
  if (spaces.empty()) GTEST_SKIP() << "no NVMe here. Fix: run the guest tests.";
  for (const NvmeNamespace& space : spaces) {
    struct stat node {};
    if (space.char_node.empty() || stat(space.char_node.c_str(), &node) != 0) continue;
    const auto facts = FindDevice(node.st_rdev, NodeKind::kCharacter);
    ASSERT_TRUE(facts.ok()) << facts.status();
    ASSERT_TRUE(facts->space.has_value());
    EXPECT_EQ(facts->space->char_node, space.char_node);
    EXPECT_EQ(facts->space->controller.name, space.controller.name);
  }
}

}  // namespace
}  // namespace penstock::driver
