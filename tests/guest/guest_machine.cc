// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/guest_machine.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "penstock/clock.h"

namespace penstock::guest {
namespace {

namespace fs = std::filesystem;

constexpr char kDiskTable[] = "/guest/disks";
constexpr char kController[] = "/sys/class/nvme/";

/// "nvme0n1": the block device that shows namespace `id` of a controller. With multipath it belongs to the subsystem, whose
/// folder has a link to each of its controllers.
std::string BlockDeviceOf(const std::string& controller, uint32_t id) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/sys/block", error)) {
    const std::string name = entry.path().filename();
    if (!absl::StartsWith(name, "nvme") || ReadLine(entry.path() / "nsid") != absl::StrCat(id)) continue;
    if (absl::StrContains(name, "c")) continue;  // nvme0c1n1: one path of a namespace that has several
    const fs::path owner = fs::canonical(entry.path() / "device", error);
    if (owner.filename() == controller || fs::exists(owner / controller, error)) return name;
  }
  return "";
}

void AddKernelNames(Disk& disk) {
  const std::vector<std::string> controllers = ControllersOf(disk.serial);
  if (controllers.empty()) return;
  disk.controller = controllers.front();
  disk.pci_address = ReadLine(absl::StrCat(kController, disk.controller, "/address"));
  const std::string name = BlockDeviceOf(disk.controller, disk.id);
  if (name.empty()) return;
  disk.block_node = "/dev/" + name;
  disk.char_node = absl::StrCat("/dev/ng", absl::StripPrefix(name, "nvme"));
}

}  // namespace

std::vector<Disk> Disks() {
  std::ifstream table(kDiskTable);
  std::vector<Disk> disks;
  Disk disk;
  uint64_t seed = 0;
  uint64_t rewritten_seed = 0;
  std::string crc;
  while (table >> disk.serial >> disk.id >> seed >> rewritten_seed >> disk.bytes >> crc) {
    std::from_chars(crc.data(), crc.data() + crc.size(), disk.crc32c, 16);
    disk.content = DiskBytes(seed);
    disk.rewritten = DiskBytes(rewritten_seed);
    disks.push_back(disk);
    AddKernelNames(disks.back());
  }
  return disks;
}

Disk DiskOf(const std::string& serial, uint32_t id) {
  for (Disk& disk : Disks()) {
    if (disk.serial == serial && disk.id == id) return disk;
  }
  ADD_FAILURE() << "the scenario has no namespace " << id << " of a controller " << serial;
  return {};
}

std::vector<std::string> ControllersOf(const std::string& serial) {
  std::vector<std::string> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(kController, error)) {
    const std::string said = ReadLine(entry.path() / "serial");
    if (absl::StripTrailingAsciiWhitespace(said) == serial) found.push_back(entry.path().filename());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string BareBarAddress() {
  for (const fs::directory_entry& entry : fs::directory_iterator("/sys/bus/pci/devices")) {
    if (ReadLine(entry.path() / "vendor") == "0x1af4" && ReadLine(entry.path() / "device") == "0x1110") {
      return entry.path().filename();
    }
  }
  ADD_FAILURE() << "the scenario has no device that is nothing but a BAR";
  return "";
}

uint64_t InterruptsOf(const std::string& controller) {
  uint64_t sum = 0;
  std::ifstream table("/proc/interrupts");
  for (std::string line; std::getline(table, line);) {
    if (!absl::StrContains(line, controller + "q") || absl::StrContains(line, controller + "q0")) continue;
    std::istringstream words(line);
    std::string number;
    words >> number;
    for (uint64_t count = 0; words >> count;) sum += count;
  }
  return sum;
}

bool Eventually(const std::function<bool()>& condition) {
  constexpr uint64_t kPatienceNs = 20'000'000'000;
  for (const uint64_t begin_ns = MonotonicNs(); MonotonicNs() - begin_ns < kPatienceNs; usleep(20'000)) {
    if (condition()) return true;
  }
  return condition();
}

void AskHost(const std::string& command) {
  std::cout << "@host " << command << std::endl;
  std::string answer;
  std::getline(std::cin, answer);
  EXPECT_EQ(answer, "@host ok") << command;
}

void TellHostOfRewritten(const Disk& disk) { TellHostOfRewritten(disk, 0, disk.bytes); }

void TellHostOfRewritten(const Disk& disk, uint64_t offset_bytes, uint64_t length_bytes) {
  std::cout << "@rewritten " << disk.serial << "/" << disk.id << " " << offset_bytes << " " << offset_bytes + length_bytes
            << std::endl;
}

std::string ReadLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool WriteLine(const std::string& path, const std::string& value) {
  std::ofstream file(path);
  file << value << std::flush;
  return file.good();
}

ScopedSetting::ScopedSetting(const std::string& path, const std::string& value) : path_(path), before_(ReadLine(path)) {
  EXPECT_TRUE(WriteLine(path, value)) << path << " does not take " << value;
}

ScopedSetting::~ScopedSetting() { EXPECT_TRUE(WriteLine(path_, before_)) << path_ << " does not take " << before_ << " back"; }

bool BecomeUser() { return setgroups(0, nullptr) == 0 && setgid(kUser) == 0 && setuid(kUser) == 0; }

ScopedOwner::ScopedOwner(const std::string& node, unsigned user) : node_(node) {
  EXPECT_EQ(chown(node.c_str(), user, user), 0) << node;
}

ScopedOwner::~ScopedOwner() { EXPECT_EQ(chown(node_.c_str(), 0, 0), 0) << node_; }

}  // namespace penstock::guest
