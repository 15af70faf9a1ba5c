// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command's one GPU in a guest: a device behind a BAR, whose kernel outside_kernel runs. It takes the place of
// runtime/host/gpus.cc, so the command is otherwise what users run.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "driver/pci_address.h"
#include "penstock/device/group.h"
#include "penstock/device/program.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "penstock/layout/atomic.h"
#include "runtime/host/gpus.h"
#include "runtime/resident_device.h"
#include "tests/guest/guest_machine.h"
#include "tests/guest/outside.h"
#include "tests/guest/penstock_exporter/penstock_exporter.h"

namespace penstock::guest {
namespace {

using layout::Scope;

constexpr uint64_t kPageBytes = 4096;

absl::Status Failed(std::string what) {
  return MakeErrnoError(absl::StatusCode::kUnavailable, errno, What(std::move(what)), Fix("run it as root in scenario 'window'"));
}

/// The BAR of the ivshmem function, as the processor addresses it and as this process sees its first bytes.
struct Bar {
  uint64_t begin = 0;  // physical
  uint64_t bytes = 0;
  std::shared_ptr<std::byte> shared;

  static absl::StatusOr<Bar> Open() {
    const std::string function = absl::StrCat("/sys/bus/pci/devices/", BareBarAddress());
    std::FILE* const resources = std::fopen((function + "/resource").c_str(), "re");
    if (resources == nullptr) return Failed(function);
    Bar bar;
    uint64_t end = 0;
    for (int line = 0; line <= 2; ++line) {
      if (std::fscanf(resources, "%lx %lx %*x", &bar.begin, &end) != 2) bar.begin = end = 0;
    }
    std::fclose(resources);
    bar.bytes = end + 1 - bar.begin;
    const FileDescriptor fd(open((function + "/resource2").c_str(), O_RDWR | O_CLOEXEC));
    void* const base = mmap(nullptr, kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (base == MAP_FAILED) return Failed(function + "/resource2");
    bar.shared = {static_cast<std::byte*>(base), [](std::byte* mapped) { munmap(mapped, kSharedBytes); }};
    return bar;
  }
};

/// Where the kernel has put the page at `address`, physically.
absl::StatusOr<uint64_t> PhysicalAddress(const std::byte* address) {
  constexpr uint64_t kFrame = (uint64_t{1} << 55) - 1;  // Documentation/admin-guide/mm/pagemap.rst
  const FileDescriptor pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  uint64_t entry = 0;
  const auto page = reinterpret_cast<uint64_t>(address) / kPageBytes;
  if (pread(pagemap.get(), &entry, sizeof(entry), static_cast<off_t>(page * sizeof(entry))) != sizeof(entry)) {
    return Failed("/proc/self/pagemap");
  }
  return (entry & kFrame) * kPageBytes;
}

class OutsideDevice final : public ResidentDevice {
 public:
  OutsideDevice(const DeviceOptions& options, std::shared_ptr<MegakernelMemory> memory, LiveRing ring, Bar bar, uint64_t used)
      : ResidentDevice(options, std::move(memory), std::move(ring)), bar_(std::move(bar)), used_(used) {}
  ~OutsideDevice() override { (void)Stop(absl::Seconds(5)); }

  std::string name() const override { return "outside"; }
  void FlushPeerWrites() override {
    for (const Copy& copy : copies_) std::memcpy(copy.to, copy.from.data(), copy.from.size());
  }

 protected:
  absl::StatusOr<u64> Map(absl::Span<std::byte> memory) override {
    PENSTOCK_ASSIGN_OR_RETURN(const uint64_t first, PhysicalAddress(memory.data()));
    PENSTOCK_ASSIGN_OR_RETURN(const uint64_t last, PhysicalAddress(&memory.back()));
    const uint64_t offset = first - bar_.begin;
    if (offset < bar_.bytes && last - first == (memory.size() - 1) / kPageBytes * kPageBytes) return kOutsideBase + offset;
    // This machine's memory is out of its reach: it gets a copy of what lies there whenever it is to look.
    PENSTOCK_ASSIGN_OR_RETURN(std::byte* const copy, Take(memory.size()));
    copies_.push_back({memory, copy});
    return AddressOf(copy);
  }
  absl::StatusOr<u64> CopyTable(absl::Span<const u32> table) override {
    PENSTOCK_ASSIGN_OR_RETURN(std::byte* const copy, Take(table.size() * sizeof(u32)));
    std::memcpy(copy, table.data(), table.size() * sizeof(u32));
    return AddressOf(copy);
  }
  absl::Status Upload(const void*, size_t) override { return absl::OkStatus(); }  // the image is the memory
  absl::Status BeginLaunch() override {
    mailbox().magic = kLaunchMagic;
    mailbox().view = memory().view();
    layout::StoreRelease<Scope::kSystem>(&mailbox().launched, mailbox().launched + 1);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> HasLeft() override { return layout::LoadAcquire<Scope::kSystem>(&mailbox().left) == mailbox().launched; }
  bool SampleWorkgroups() override { return true; }
  absl::Duration AgeOf(u64) const override { return absl::ZeroDuration(); }  // its clock is another machine's

 private:
  struct Copy {
    absl::Span<const std::byte> from;
    std::byte* to;
  };

  /// A part of what both sides share.
  absl::StatusOr<std::byte*> Take(size_t bytes) {
    const uint64_t at = used_;
    used_ += (bytes + layout::kLineBytes - 1) / layout::kLineBytes * layout::kLineBytes;
    if (used_ <= kSharedBytes) return bar_.shared.get() + at;
    return MakeError(absl::StatusCode::kResourceExhausted, What("there is no room left in the BAR's shared part"),
                     Fix("use --buffer=window, and fewer patterns"));
  }
  u64 AddressOf(const std::byte* shared) const { return kOutsideBase + static_cast<u64>(shared - bar_.shared.get()); }
  OutsideMailbox& mailbox() const { return *reinterpret_cast<OutsideMailbox*>(bar_.shared.get()); }

  const Bar bar_;
  uint64_t used_;  // bytes of the shared part
  std::vector<Copy> copies_;
};

absl::StatusOr<std::unique_ptr<Device>> MakeOutsideDevice(const DeviceOptions& options) {
  DeviceOptions with_workgroups = options;
  if (options.workgroups == 0) with_workgroups.workgroups = 1;
  PENSTOCK_ASSIGN_OR_RETURN(Bar bar, Bar::Open());
  auto memory = std::make_shared<MegakernelMemory>(with_workgroups, device::Group::kTicksPerSecond);
  uint64_t used = kPageBytes;  // the mailbox
  const auto place = [&](uint64_t bytes) {
    const MegakernelMemory::Piece piece = {bar.shared.get() + used, kOutsideBase + used};
    std::memset(piece.host, 0, bytes);
    used += (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
    return piece;
  };
  if (used + memory->host_bytes() + memory->device_bytes() + 2 * kPageBytes > kSharedBytes) {
    return MakeError(absl::StatusCode::kResourceExhausted, What("the ring is too large"), Fix("use a smaller --depth"));
  }
  const MegakernelMemory::Piece host = place(memory->host_bytes());
  memory->Place(host, place(memory->device_bytes()));
  PENSTOCK_ASSIGN_OR_RETURN(LiveRing ring, MakeRing(*memory, with_workgroups, &device::Program<>::ArgumentCount));
  return std::make_unique<OutsideDevice>(with_workgroups, std::move(memory), std::move(ring), std::move(bar), used);
}

}  // namespace
}  // namespace penstock::guest

namespace penstock::host {

bool IsBuiltWithHip() { return true; }

FoundGpus ListGpus() { return std::vector<GpuFacts>{{"outside", "none", 1, guest::BareBarAddress()}}; }

/// Behind what the device itself uses; exported by the module penstock_exporter, to which the function has to be bound.
absl::StatusOr<uint32_t> ReserveGpuWindow(u32, uint64_t bytes, const PeerWindows& module) {
  const FileDescriptor exporter(open(PENSTOCK_EXPORTER_DEVICE, O_RDWR | O_CLOEXEC));
  const std::string address = guest::BareBarAddress();
  penstock_exporter_create create = {};
  PENSTOCK_ASSIGN_OR_RETURN(const driver::PciAddress parsed, driver::ParsePciAddress(address));
  create.domain = parsed.domain;
  create.address = parsed.bus_device_function;
  create.piece_count = 1;
  create.piece[0] = {.bar = 2, .reserved = 0, .offset = guest::kSharedBytes, .length = bytes};
  if (ioctl(exporter.get(), PENSTOCK_EXPORTER_CREATE, &create) != 0) return guest::Failed("cannot export a part of the BAR");
  const FileDescriptor dma_buf(create.dma_buf);
  return module.Reserve(dma_buf.get(), address);
}

absl::StatusOr<std::unique_ptr<Device>> MakeGpuDevice(u32, const DeviceOptions& options) {
  return guest::MakeOutsideDevice(options);
}

}  // namespace penstock::host
