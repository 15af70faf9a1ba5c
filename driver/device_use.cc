// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "driver/device_use.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "driver/sysfs_file.h"
#include "penstock/error.h"

namespace penstock::driver {
namespace {

namespace fs = std::filesystem;

// Not in every linux/magic.h.
constexpr unsigned long kConfigfsMagic = 0x62656570;

absl::Status InUse(std::string what, std::string fix) {
  return MakeError(absl::StatusCode::kFailedPrecondition, What(std::move(what)), Fix(std::move(fix)));
}

absl::Status CannotBeTold(const std::string& name, const std::string& why) {
  return InUse(absl::StrCat("whether ", name, " is in use cannot be told: ", why),
               "make sysfs and the devices of this host visible here (/sys, /dev), and write then");
}

struct Loop {
  std::string name;  // "loop0"
  std::string file;  // what it lies on, by the name that it was given
};

std::vector<Loop> Loops(const fs::path& sys) {
  std::vector<Loop> loops;
  for (const fs::path& device : Entries(sys / "block")) {
    const std::optional<std::string> file = ReadText(device / "loop/backing_file");
    if (file.has_value()) loops.push_back({device.filename(), *file});
  }
  return loops;
}

absl::Status LoopLiesOn(const Loop& loop, const std::string& name) {
  return InUse(absl::StrCat("the device ", loop.name, " lies on ", name, ", which therefore must not be written"),
               absl::StrCat("take it away (losetup -d /dev/", loop.name, "), or write to it instead"));
}

/// The devices by which its bytes can be reached: itself, its partitions, and the whole that it is a part of.
std::vector<fs::path> Family(const fs::path& directory) {
  std::vector<fs::path> family = {directory};
  if (Exists(directory / "partition")) family.push_back(directory.parent_path());
  for (const fs::path& entry : Entries(directory)) {
    if (Exists(entry / "partition")) family.push_back(entry);
  }
  return family;
}

/// Passthrough does not keep to it, and the kernel opens such a device to write all the same.
absl::Status CheckWriteProtection(const std::vector<fs::path>& family, const std::string& name) {
  for (const fs::path& device : family) {
    const std::optional<uint64_t> read_only = ReadNumber(device / "ro");
    if (!read_only.has_value()) return CannotBeTold(name, "the kernel does not say whether it is write-protected");
    if (*read_only == 0) continue;
    const std::string node = absl::StrCat("/dev/", device.filename().string());
    return InUse(absl::StrCat(name, " must not be written: ", node, " is write-protected"),
                 absl::StrCat("lift it (blockdev --setrw ", node, "), or write to another one"));
  }
  return absl::OkStatus();
}

absl::Status CheckLoops(const std::vector<fs::path>& family, const std::string& name, const fs::path& sys) {
  std::vector<std::string> numbers;
  for (const fs::path& device : family) numbers.push_back(ReadText(device / "dev").value_or(""));
  for (const Loop& loop : Loops(sys)) {
    struct stat status {};
    if (stat(loop.file.c_str(), &status) != 0) {
      if (!absl::StartsWith(loop.file, "/dev/")) continue;  // A file, wherever it is; not a device.
      return CannotBeTold(name, absl::StrCat(loop.name, " lies on ", loop.file, ", which is not there"));
    }
    const std::string number = absl::StrCat(major(status.st_rdev), ":", minor(status.st_rdev));
    if (S_ISBLK(status.st_mode) && std::find(numbers.begin(), numbers.end(), number) != numbers.end())
      return LoopLiesOn(loop, name);
  }
  return absl::OkStatus();
}

/// Of a namespace with several controllers the kernel makes one block device, or, without multipath, one for each: a claim of one
/// says nothing of the others. They have the same wwid.
absl::Status CheckNamesakes(const fs::path& whole, const std::string& name, const fs::path& sys) {
  const std::string own_name = whole.filename();
  if (!absl::StartsWith(own_name, "nvme")) return absl::OkStatus();
  const std::optional<std::string> wwid = ReadText(whole / "wwid");
  if (!wwid.has_value() || wwid->empty()) return CannotBeTold(name, "the kernel does not tell its wwid");
  for (const fs::path& other : Entries(sys / "block")) {
    // Without a number it cannot be opened: a path that is hidden behind this very device.
    if (other.filename() == own_name || !Exists(other / "dev") || ReadText(other / "wwid") != wwid) continue;
    return InUse(absl::StrCat(name, " and ", other.filename().string(), " are the same namespace (wwid ", *wwid,
                              "), and what uses the other one cannot be told"),
                 "load the nvme module with multipath (nvme_core.multipath=Y), which makes one device of them");
  }
  return absl::OkStatus();
}

/// Names the file system if its files are not bytes that somebody has stored.
const char* DoorIntoTheKernel(unsigned long type) {
  switch (type) {
    case PROC_SUPER_MAGIC: return "procfs";
    case SYSFS_MAGIC: return "sysfs";
    case DEBUGFS_MAGIC: return "debugfs";
    case TRACEFS_MAGIC: return "tracefs";
    case SECURITYFS_MAGIC: return "securityfs";
    case SELINUX_MAGIC: return "selinuxfs";
    case SMACK_MAGIC: return "smackfs";
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC: return "cgroup";
    case BPF_FS_MAGIC: return "bpf";
    case EFIVARFS_MAGIC: return "efivarfs";
    case kConfigfsMagic: return "configfs";
    default: return nullptr;
  }
}

}  // namespace

const char* KernelFileSystemOf(int fd) {
  struct statfs system {};
  return fstatfs(fd, &system) == 0 ? DoorIntoTheKernel(static_cast<unsigned long>(system.f_type)) : nullptr;
}

absl::Status CheckDeviceUnused(dev_t number, const std::string& name, const std::string& sys) {
  const std::string numbers = absl::StrCat(major(number), ":", minor(number));
  const std::optional<fs::path> directory = RealPath(fs::path(sys) / "dev/block" / numbers);
  if (!directory.has_value()) return CannotBeTold(name, absl::StrCat(sys, " has no device ", numbers));
  const std::vector<fs::path> family = Family(*directory);
  PENSTOCK_RETURN_IF_ERROR(CheckWriteProtection(family, name));
  PENSTOCK_RETURN_IF_ERROR(CheckLoops(family, name, sys));
  return CheckNamesakes(Exists(*directory / "partition") ? directory->parent_path() : *directory, name, sys);
}

absl::Status CheckFileUnused(const std::string& path, const std::string& sys) {
  struct statfs system {};
  struct stat file {};
  if (statfs(path.c_str(), &system) != 0 || stat(path.c_str(), &file) != 0) return CannotBeTold(path, strerrorname_np(errno));
  const char* const kind = DoorIntoTheKernel(static_cast<unsigned long>(system.f_type));
  if (kind != nullptr) {
    return InUse(absl::StrCat(path, " is on ", kind, ": its bytes are the kernel's, and writing them does something"),
                 "name a file on a disk or in memory");
  }
  if (!Exists(fs::path(sys) / "block")) return CannotBeTold(path, absl::StrCat(sys, " has no block devices"));
  for (const Loop& loop : Loops(sys)) {
    struct stat status {};
    const bool there = stat(loop.file.c_str(), &status) == 0;
    if (there && status.st_dev == file.st_dev && status.st_ino == file.st_ino) return LoopLiesOn(loop, path);
  }
  return absl::OkStatus();
}

}  // namespace penstock::driver
