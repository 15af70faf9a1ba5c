// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// outside_kernel FILE: runs the megakernel on the file that backs a guest's BAR, as often as the guest launches it. See
// outside.h.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "penstock/cpu_device.h"
#include "penstock/layout/atomic.h"
#include "tests/guest/outside.h"

namespace penstock::guest {
namespace {

using layout::Scope;

void Wait() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

/// The file, as soon as QEMU has made it; null on failure.
std::byte* MapBar(const char* file) {
  int fd = -1;
  struct stat facts = {};
  while ((fd = open(file, O_RDWR | O_CLOEXEC)) < 0) Wait();
  while (fstat(fd, &facts) == 0 && static_cast<uint64_t>(facts.st_size) <= kSharedBytes) Wait();
  void* const base = mmap(reinterpret_cast<void*>(kOutsideBase), static_cast<size_t>(facts.st_size), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
  close(fd);
  return base == MAP_FAILED ? nullptr : static_cast<std::byte*>(base);
}

void RunWorkgroups(const device::DeviceView& view) {
  using Program = device::Program<>;
  std::vector<std::thread> workgroups;
  for (u32 i = 0; i < view.workgroup_count; ++i) {
    workgroups.emplace_back([&view, i] {
      const auto memory = std::make_unique<device::WorkgroupMemory<Program>>();
      device::Group group(i, /*lane=*/0, /*lane_count=*/1, /*team=*/nullptr);
      device::RunWorkgroup<Program>(view, group, *memory);
    });
  }
  for (std::thread& workgroup : workgroups) workgroup.join();
}

int Serve(const char* file) {
  std::byte* const bar = MapBar(file);
  if (bar == nullptr) {
    std::perror("outside_kernel: mapping the BAR's file");
    return 1;
  }
  auto& mailbox = *reinterpret_cast<OutsideMailbox*>(bar);
  for (uint32_t seen = 0;; Wait()) {
    const uint32_t launched = layout::LoadAcquire<Scope::kSystem>(&mailbox.launched);
    if (launched == seen) continue;
    seen = launched;
    if (mailbox.magic != kLaunchMagic) continue;
    const device::DeviceView view = mailbox.view;
    RunWorkgroups(view);
    layout::StoreRelease<Scope::kSystem>(&mailbox.left, launched);
  }
}

}  // namespace
}  // namespace penstock::guest

int main(int argc, char** argv) {
  if (argc == 2) return penstock::guest::Serve(argv[1]);
  std::fprintf(stderr, "usage: outside_kernel FILE\n");
  return 2;
}
