// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where things lie (kernel 4.15 to 7.2):
//   one path       devices/pci*/ADDRESS/nvme/nvme0/nvme0n1 and .../ng0n1;
//                  over a network devices/virtual/nvme-fabrics/ctl/nvme0/...
//   several paths  devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n1 and .../ng3n1, which are opened,
//                  and below each controller a hidden block device nvme3c2n1 (subsystem 3, controller 2), which cannot be
#include "driver/nvme_sysfs.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "driver/sysfs_file.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSectorBytes = 512;  // sysfs counts in these, whatever the device's blocks are

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Whether the name is the pattern, in which each # stands for a number.
bool IsNamed(std::string_view name, std::string_view pattern) {
  for (const char expected : pattern) {
    if (name.empty() || (expected == '#' ? !IsDigit(name.front()) : name.front() != expected)) return false;
    do name.remove_prefix(1);
    while (expected == '#' && !name.empty() && IsDigit(name.front()));
  }
  return name.empty();
}

bool IsController(const std::string& name) { return IsNamed(name, "nvme#"); }
bool IsSubsystem(const std::string& name) { return IsNamed(name, "nvme-subsys#"); }
bool IsSpace(const std::string& name) { return IsNamed(name, "nvme#n#") || IsNamed(name, "ng#n#"); }

/// "3n1" of "nvme3n1" and "ng3n1".
std::string NumbersOf(const std::string& name) { return name.substr(name.find_first_of("0123456789")); }

/// The directory of a namespace is a controller's or a subsystem's, or it is another driver's device of such a name.
bool IsSpaceDirectory(const fs::path& directory) {
  const std::string parent = directory.parent_path().filename();
  return IsSpace(directory.filename()) && (IsController(parent) || IsSubsystem(parent));
}

/// The smaller one, where 0 is no answer.
uint32_t SmallerKnown(uint32_t a, uint32_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

/// The block devices that lead to the namespace, one for each controller: itself where there is one path, hidden ones otherwise.
std::vector<fs::path> PathsTo(const fs::path& sys, const fs::path& directory, const std::string& numbers) {
  std::vector<fs::path> paths;
  if (IsController(directory.filename())) {
    // Without a block device (a command set that Linux does not know) the controller is known from the character device's place.
    return {directory / absl::StrCat("nvme", numbers)};
  }
  const size_t n = numbers.find('n');
  const std::string hidden = absl::StrCat("nvme", numbers.substr(0, n), "c#", numbers.substr(n));
  for (const fs::path& entry : Entries(sys / "block")) {
    if (!IsNamed(entry.filename().string(), hidden)) continue;
    const std::optional<fs::path> real = RealPath(entry);
    if (real.has_value()) paths.push_back(*real);
  }
  return paths;
}

/// Of the first path whose controller is live, or of the first one; there is at least one.
const fs::path& LivePath(const std::vector<fs::path>& paths) {
  const auto live = std::find_if(paths.begin(), paths.end(),
                                 [](const fs::path& path) { return ReadText(path.parent_path() / "state") == "live"; });
  return live != paths.end() ? *live : paths.front();
}

/// How many poll queues the controller has, as far as the kernel says: whether it has any (queue/io_poll of a path; a device that
/// stands for several paths always says yes), and for PCI how many the driver was asked for.
uint32_t PollQueues(const fs::path& sys, const fs::path& path, bool is_pci) {
  if (ReadNumberOr(path / "queue/io_poll", 0) == 0) return 0;
  return is_pci ? std::max(1u, ReadNumberOr(sys / "module/nvme/parameters/poll_queues", 1)) : 1;
}

NvmeController ControllerOf(const fs::path& sys, const fs::path& path) {
  const fs::path directory = path.parent_path();
  NvmeController controller;
  controller.name = directory.filename();
  const bool is_pci = ReadText(directory / "transport") == "pcie";
  if (is_pci) controller.pci_address = LinkName(directory / "device");
  controller.model = ReadText(directory / "model").value_or("");
  controller.serial = ReadText(directory / "serial").value_or("");
  controller.firmware = ReadText(directory / "firmware_rev").value_or("");
  for (const char* file : {"numa_node", "device/numa_node"}) {
    const std::optional<uint64_t> node = ReadNumber(directory / file);
    if (controller.numa_node < 0 && node.has_value()) controller.numa_node = static_cast<int>(*node);
  }
  controller.poll_queue_count = PollQueues(sys, path, is_pci);
  return controller;
}

/// Limits that a command meets on the queue of one path; passthrough goes straight there.
void NarrowLimits(const fs::path& path, NvmeNamespace& space) {
  const fs::path queue = path / "queue";
  const uint64_t command_bytes = ReadNumber(queue / "max_hw_sectors_kb").value_or(0) << 10;
  space.max_command_bytes =
      SmallerKnown(space.max_command_bytes, static_cast<uint32_t>(std::min<uint64_t>(command_bytes, 1u << 31)));
  space.max_segments = SmallerKnown(space.max_segments, ReadNumberOr(queue / "max_segments", 0));
  space.queue_depth = SmallerKnown(space.queue_depth, ReadNumberOr(queue / "nr_requests", 0));
  const std::optional<uint64_t> mask = ReadNumber(queue / "dma_alignment");
  if (mask.has_value()) space.memory_alignment = std::max(space.memory_alignment, static_cast<uint32_t>(*mask + 1));
}

/// What the kernel uses of the namespace's format.
void FillFormat(const fs::path& block, NvmeNamespace& space) {
  space.id = ReadNumberOr(block / "nsid", 0);
  space.block_bytes = ReadNumberOr(block / "queue/logical_block_size", 0);
  space.metadata_bytes = ReadNumberOr(block / "metadata_bytes", 0);
  const uint64_t bytes = ReadNumber(block / "size").value_or(0) * kSectorBytes;
  if (space.block_bytes != 0) space.block_count = bytes / space.block_bytes;
}

/// The namespace whose nodes lie in `directory`, a controller's or subsystem's, under the given numbers ("3n1").
NvmeNamespace SpaceAt(const fs::path& sys, const fs::path& directory, const std::string& numbers) {
  NvmeNamespace space;
  const fs::path block = directory / absl::StrCat("nvme", numbers);
  // A hidden block device has a directory, but no number and no node.
  if (Exists(block / "dev")) space.block_node = absl::StrCat("/dev/nvme", numbers);
  if (Exists(directory / absl::StrCat("ng", numbers))) space.char_node = absl::StrCat("/dev/ng", numbers);
  FillFormat(block, space);
  const std::vector<fs::path> paths = PathsTo(sys, directory, numbers);
  space.path_count = static_cast<uint32_t>(paths.size());
  for (const fs::path& path : paths) NarrowLimits(path, space);
  if (!paths.empty()) space.controller = ControllerOf(sys, LivePath(paths));
  return space;
}

Partition PartitionAt(const fs::path& directory) {
  return {.disk = absl::StrCat("/dev/", directory.parent_path().filename().string()),
          .offset_bytes = ReadNumber(directory / "start").value_or(0) * kSectorBytes,
          .size_bytes = ReadNumber(directory / "size").value_or(0) * kSectorBytes};
}

}  // namespace

absl::StatusOr<DeviceFacts> FindDevice(dev_t number, NodeKind kind, const std::string& sys) {
  const fs::path links = fs::path(sys) / "dev" / (kind == NodeKind::kBlock ? "block" : "char");
  if (!Exists(links)) {
    return MakeError(absl::StatusCode::kFailedPrecondition, What(absl::StrCat("there is no sysfs at ", sys)),
                     Fix("mount it: mount -t sysfs sysfs /sys"));
  }
  const std::string numbers = absl::StrCat(major(number), ":", minor(number));
  std::optional<fs::path> directory = RealPath(links / numbers);
  if (!directory.has_value()) {
    return MakeError(absl::StatusCode::kNotFound,
                     What(absl::StrCat("there is no ", kind == NodeKind::kBlock ? "block" : "character", " device ", numbers)),
                     Fix("check that the device is still there (lsblk), and that its node in /dev is not a stale one"));
  }
  DeviceFacts facts;
  facts.name = directory->filename();
  if (kind == NodeKind::kBlock && Exists(*directory / "partition")) {
    facts.partition = PartitionAt(*directory);
    directory = directory->parent_path();
  }
  facts.is_nvme_controller = kind == NodeKind::kCharacter && IsController(facts.name);
  if (IsSpaceDirectory(*directory)) facts.space = SpaceAt(sys, directory->parent_path(), NumbersOf(directory->filename()));
  return facts;
}

std::vector<NvmeNamespace> ListNvmeNamespaces(const std::string& sys) {
  const auto by_name = [](const std::string& a, const std::string& b) { return strverscmp(a.c_str(), b.c_str()) < 0; };
  std::map<std::string, fs::path, decltype(by_name)> directories(by_name);  // by the namespace's numbers
  // A namespace may have only one of its two nodes.
  for (const char* folder : {"block", "class/nvme-generic"}) {
    for (const fs::path& entry : Entries(fs::path(sys) / folder)) {
      const std::optional<fs::path> directory = RealPath(entry);
      if (!directory.has_value() || !IsSpaceDirectory(*directory)) continue;
      directories.emplace(NumbersOf(directory->filename()), directory->parent_path());
    }
  }
  std::vector<NvmeNamespace> spaces;
  spaces.reserve(directories.size());
  for (const auto& [numbers, directory] : directories) spaces.push_back(SpaceAt(sys, directory, numbers));
  return spaces;
}

}  // namespace penstock::driver
