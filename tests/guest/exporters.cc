// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/exporters.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "driver/pci_address.h"
#include "penstock/error.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {
namespace {

namespace fs = std::filesystem;

constexpr char kFunctions[] = "/sys/bus/pci/devices/";

// As in <linux/vfio.h> of Linux 7; Debian 12's has no such feature yet.
constexpr uint32_t kFeatureDmaBuf = 11;
struct DmaBufRange {
  uint64_t offset;
  uint64_t length;
};
struct DmaBufFeature {
  uint32_t region_index;
  uint32_t open_flags;
  uint32_t flags;
  uint32_t range_count;
};

absl::Status Refused(const std::string& what) {
  return MakeErrnoError(absl::StatusCode::kUnavailable, errno, What(what), Fix("read the kernel's log"));
}

absl::StatusOr<FileDescriptor> Opened(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.get() < 0) return Refused("cannot open " + path);
  return file;
}

}  // namespace

std::string DriverOf(const std::string& pci_address) {
  std::error_code error;
  return fs::read_symlink(absl::StrCat(kFunctions, pci_address, "/driver"), error).filename();
}

ScopedDriver::ScopedDriver(const std::string& pci_address, const std::string& driver) : pci_address_(pci_address) {
  EXPECT_TRUE(WriteLine(absl::StrCat(kFunctions, pci_address, "/driver_override"), driver + "\n"));
  // A driver that probes in its own time, as nvme does, has a new function for a moment even where it will not get it.
  EXPECT_TRUE(Eventually([&] {
    WriteLine("/sys/bus/pci/drivers_probe", pci_address);
    return DriverOf(pci_address) == driver;
  })) << pci_address
      << " is driven by '" << DriverOf(pci_address) << "'";
}

ScopedDriver::~ScopedDriver() {
  Unbind();
  WriteLine(absl::StrCat(kFunctions, pci_address_, "/driver_override"), "\n");  // the function may be gone by now
}

bool ScopedDriver::Unbind() { return WriteLine(absl::StrCat(kFunctions, pci_address_, "/driver/unbind"), pci_address_); }

absl::StatusOr<std::unique_ptr<VfioFunction>> VfioFunction::Open(const std::string& pci_address) {
  std::unique_ptr<VfioFunction> function(new VfioFunction(pci_address));
  if (absl::Status opened = function->OpenDevice(pci_address); !opened.ok()) return opened;
  return function;
}

absl::Status VfioFunction::OpenDevice(const std::string& pci_address) {
  std::error_code error;
  const fs::path group = fs::read_symlink(absl::StrCat(kFunctions, pci_address, "/iommu_group"), error);
  absl::StatusOr<FileDescriptor> container = Opened("/dev/vfio/vfio");
  if (!container.ok()) return container.status();
  absl::StatusOr<FileDescriptor> opened = Opened(absl::StrCat("/dev/vfio/", group.filename().string()));
  if (!opened.ok()) return opened.status();
  container_ = std::move(*container);
  group_ = std::move(*opened);
  int container_number = container_.get();
  if (ioctl(group_.get(), VFIO_GROUP_SET_CONTAINER, &container_number) != 0) return Refused("vfio takes no container");
  if (ioctl(container_.get(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) return Refused("vfio takes no IOMMU");
  device_ = FileDescriptor(ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, pci_address.c_str()));
  return device_.get() < 0 ? Refused("vfio does not give " + pci_address) : absl::OkStatus();
}

absl::StatusOr<FileDescriptor> VfioFunction::Export(const std::vector<BarPiece>& pieces) const {
  const size_t bytes = sizeof(vfio_device_feature) + sizeof(DmaBufFeature) + pieces.size() * sizeof(DmaBufRange);
  std::vector<uint64_t> memory((bytes + 7) / 8);
  auto* feature = reinterpret_cast<vfio_device_feature*>(memory.data());
  feature->argsz = static_cast<uint32_t>(bytes);
  feature->flags = VFIO_DEVICE_FEATURE_GET | kFeatureDmaBuf;
  auto* dma_buf = reinterpret_cast<DmaBufFeature*>(feature->data);
  *dma_buf = {.region_index = pieces.front().bar,
              .open_flags = O_RDWR | O_CLOEXEC,
              .flags = 0,
              .range_count = static_cast<uint32_t>(pieces.size())};
  auto* ranges = reinterpret_cast<DmaBufRange*>(dma_buf + 1);
  for (const BarPiece& piece : pieces) *ranges++ = {piece.offset_bytes, piece.length_bytes};
  FileDescriptor exported(ioctl(device_.get(), VFIO_DEVICE_FEATURE, feature));
  if (exported.get() < 0) return Refused("vfio exports no dma-buf");
  return exported;
}

TestExporter::TestExporter(const std::string& pci_address)
    : pci_address_(pci_address),
      driver_(pci_address, "penstock_exporter"),
      device_(open(PENSTOCK_EXPORTER_DEVICE, O_RDWR | O_CLOEXEC)) {
  EXPECT_GE(device_.get(), 0) << strerror(errno);
}

absl::StatusOr<TestExporter::Buffer> TestExporter::Export(const std::vector<BarPiece>& pieces, Behaviour behaviour) const {
  penstock_exporter_create create{};
  if (pieces.size() > std::size(create.piece)) {
    errno = E2BIG;
    return Refused("too many pieces");
  }
  PENSTOCK_ASSIGN_OR_RETURN(const driver::PciAddress address, driver::ParsePciAddress(pci_address_));
  create.domain = address.domain;
  create.address = address.bus_device_function;
  create.flags = behaviour.flags;
  create.error = static_cast<uint32_t>(behaviour.error_number);
  for (const BarPiece& piece : pieces) {
    create.piece[create.piece_count++] = {
        .bar = piece.bar, .reserved = 0, .offset = piece.offset_bytes, .length = piece.length_bytes};
  }
  if (ioctl(device_.get(), PENSTOCK_EXPORTER_CREATE, &create) != 0) return Refused("the exporter makes no buffer");
  return Buffer{.number = create.buffer, .dma_buf = FileDescriptor(create.dma_buf)};
}

absl::Status TestExporter::Behave(uint32_t buffer, Behaviour behaviour) const {
  penstock_exporter_behave behave{
      .buffer = buffer, .flags = behaviour.flags, .error = static_cast<uint32_t>(behaviour.error_number), .reserved = 0};
  if (ioctl(device_.get(), PENSTOCK_EXPORTER_BEHAVE, &behave) != 0) return Refused("the exporter does not behave so");
  return absl::OkStatus();
}

absl::Status TestExporter::Move(uint32_t buffer, absl::Duration limit) const {
  penstock_exporter_move move{.buffer = buffer, .timeout_ms = static_cast<uint32_t>(absl::ToInt64Milliseconds(limit))};
  if (ioctl(device_.get(), PENSTOCK_EXPORTER_MOVE, &move) != 0) return Refused("the exporter's memory does not move");
  return absl::OkStatus();
}

absl::StatusOr<TestExporter::Counts> TestExporter::Count(uint32_t buffer) const {
  penstock_exporter_count count{};
  count.buffer = buffer;
  if (ioctl(device_.get(), PENSTOCK_EXPORTER_COUNT, &count) != 0) return Refused("the exporter does not count");
  return Counts{.buffers = count.buffers,
                .attachments = count.attachments,
                .pins = count.pins,
                .maps = count.maps,
                .maps_ever = count.maps_ever};
}

ScopedVirtualFunction::ScopedVirtualFunction(const std::string& serial) {
  const std::vector<std::string> controllers = ControllersOf(serial);
  if (controllers.empty()) {
    ADD_FAILURE() << "the scenario has no controller " << serial;
    return;
  }
  parent_ = absl::StrCat(kFunctions, ReadLine(absl::StrCat("/sys/class/nvme/", controllers.front(), "/address")));
  EXPECT_TRUE(WriteLine(parent_ + "/sriov_drivers_autoprobe", "0"));
  EXPECT_TRUE(WriteLine(parent_ + "/sriov_numvfs", "1"));
  std::error_code error;
  pci_address_ = fs::read_symlink(parent_ + "/virtfn0", error).filename();
  EXPECT_NE(pci_address_, "") << parent_;
}

ScopedVirtualFunction::~ScopedVirtualFunction() { EXPECT_TRUE(WriteLine(parent_ + "/sriov_numvfs", "0")) << parent_; }

}  // namespace penstock::guest
