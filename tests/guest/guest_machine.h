// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The machine that a guest test runs on: its disks as the host made them, their nodes as the kernel names them, and a way to
// ask the host for something that only it can do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/guest/disk_bytes.h"

namespace penstock::guest {

/// A namespace that the scenario describes. The kernel's names are empty where it shows no such thing (any more).
struct Disk {
  std::string serial;   // of the controller
  uint32_t id = 1;      // NSID
  uint64_t bytes = 0;   // without metadata
  uint32_t crc32c = 0;  // of all its bytes, from another program on the host
  DiskBytes content{0};
  DiskBytes rewritten{0};   // what cases that write put over all of it
  std::string controller;   // "nvme0"; the first of them where several lead to the namespace
  std::string pci_address;  // "0000:01:00.0"
  std::string block_node;   // "/dev/nvme0n1"
  std::string char_node;    // "/dev/ng0n1"
};

/// Every disk of the scenario.
std::vector<Disk> Disks();
/// The namespace `id` of the controller with that serial number; a failure of the test if the scenario has none.
Disk DiskOf(const std::string& serial, uint32_t id = 1);

/// The kernel's names of the controllers with that serial number, sorted; several where they share a subsystem.
std::vector<std::string> ControllersOf(const std::string& serial);

/// The address of the PCI function that is nothing but a BAR (ivshmem); a failure of the test if the scenario has none.
std::string BareBarAddress();

/// Interrupts of the I/O queues of a controller ("nvme0") so far, all processors together.
uint64_t InterruptsOf(const std::string& controller);

/// Waits until `condition` holds, for at most 20 s. False if it never did.
bool Eventually(const std::function<bool()>& condition);

/// Has the host do something to the machine: a command of QEMU's monitor (QMP), as "device_del id=SLOW". Returns when QEMU has
/// taken it; a failure of the test if it refuses. Threads: one at a time, and nothing is printed meanwhile.
void AskHost(const std::string& command);

/// Tells the host that all of the disk, or that extent of it, has been written over with its `rewritten`. The host looks after
/// the boot; a disk, or what is beside the extent, of which nobody says so must be as it was. Requires: multiples of DiskBytes'
/// unit.
void TellHostOfRewritten(const Disk& disk);
void TellHostOfRewritten(const Disk& disk, uint64_t offset_bytes, uint64_t length_bytes);

/// The first line of a file in /proc or /sys; "" if it cannot be read.
std::string ReadLine(const std::string& path);

/// Puts `value` into a file of /proc or /sys. False if the kernel refuses.
bool WriteLine(const std::string& path, const std::string& value);

/// Puts `value` into a file of /proc or /sys; the value that was there comes back at the end. A failure of the test if the
/// kernel refuses.
class ScopedSetting {
 public:
  ScopedSetting(const std::string& path, const std::string& value);
  ~ScopedSetting();
  ScopedSetting(const ScopedSetting&) = delete;
  ScopedSetting& operator=(const ScopedSetting&) = delete;

 private:
  std::string path_;
  std::string before_;
};

/// A user without rights. What a test gives it, it gives by chown or chmod of a node.
inline constexpr unsigned kUser = 1000;

/// Gives up root's rights for good, in a child process (tests/driver/child_process.h). False if the kernel refuses.
bool BecomeUser();

/// The owner of a node for as long as this lives.
class ScopedOwner {
 public:
  ScopedOwner(const std::string& node, unsigned user);
  ~ScopedOwner();
  ScopedOwner(const ScopedOwner&) = delete;
  ScopedOwner& operator=(const ScopedOwner&) = delete;

 private:
  std::string node_;
};

}  // namespace penstock::guest
