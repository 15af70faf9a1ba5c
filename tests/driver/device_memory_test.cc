// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whose memory is mapped and whose is not, on trees in the shape of /sys; a plain file stands for what the kernel maps.
#include "penstock/device_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "penstock/buffer_pool.h"
#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "tests/driver/fake_tree.h"

namespace penstock {
namespace {

using testing::HasSubstr;

constexpr char kAddress[] = "0000:41:00.0";
constexpr char kFunction[] = "bus/pci/devices/0000:41:00.0";
constexpr char kNvmeClass[] = "0x010802";
constexpr size_t kBytes = 64 * 1024;

/// A PCI function that has published `bytes` of its memory, as a file.
class PeerTree : public FakeTree {
 public:
  explicit PeerTree(const std::string& pci_class, size_t bytes = kBytes) {
    File(Path("class"), pci_class);
    File(Path("p2pmem/size"), std::to_string(bytes));
    File(Path("p2pmem/available"), std::to_string(bytes));
    File(Path("p2pmem/allocate"), "");
    std::filesystem::resize_file(root() + "/" + Path("p2pmem/allocate"), bytes);
  }
  static std::string Path(const std::string& name) { return std::string(kFunction) + "/" + name; }
};

void ExpectRefused(const absl::Status& status, absl::StatusCode code, const char* cause, const char* remedy) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(CauseOf(status), HasSubstr(cause));
  EXPECT_THAT(RemedyOf(status), HasSubstr(remedy));
}

TEST(PeerMemory, OfAnNvmeControllerIsMappedAndShared) {
  const PeerTree tree(kNvmeClass);
  for (const char* const address : {kAddress, "41:00.0"}) {
    const absl::StatusOr<DeviceMemory> memory = MapPeerMemory(address, kBytes, tree.root());
    ASSERT_TRUE(memory.ok()) << memory.status();
    EXPECT_EQ(memory->memory.size(), kBytes);
    EXPECT_EQ(memory->name, std::string("p2pmem of ") + address);
    std::fill(memory->memory.begin(), memory->memory.end(), std::byte{0xA5});
    const FileDescriptor file(open((tree.root() + "/" + PeerTree::Path("p2pmem/allocate")).c_str(), O_RDONLY | O_CLOEXEC));
    std::byte last{};
    EXPECT_EQ(pread(file.get(), &last, 1, kBytes - 1), 1);
    EXPECT_EQ(last, std::byte{0xA5}) << "it is the device's memory, no copy of it";
  }
  EXPECT_EQ(FreePeerMemoryBytes(kAddress, tree.root()).value(), kBytes);
}

TEST(PeerMemory, StaysMappedForAsLongAsAPoolLiesInIt) {
  const PeerTree tree(kNvmeClass);
  absl::StatusOr<BufferPool> pool =
      BufferPool::CreateIn(MapPeerMemory(kAddress, kBytes, tree.root()).value(), {.buffer_bytes = 4096, .buffer_count = 16});
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_TRUE(pool->is_device_memory());
  std::byte* const last = pool->buffer(15).data() + 4095;
  *last = std::byte{1};
  unsigned char resident = 0;
  std::byte* const page = pool->buffer(15).data();
  EXPECT_EQ(mincore(page, 4096, &resident), 0);
  *pool = BufferPool::Create({.buffer_bytes = 4096, .buffer_count = 1}).value();
  EXPECT_EQ(mincore(page, 4096, &resident), -1) << "nothing is mapped there any more";
}

TEST(PeerMemory, OfGpusAndAcceleratorsIsTheirDrivers) {
  for (const char* const pci_class : {"0x030000", "0x030200", "0x038000", "0x120000"}) {
    const PeerTree tree(pci_class);
    for (const absl::Status& status :
         {MapPeerMemory(kAddress, kBytes, tree.root()).status(), FreePeerMemoryBytes(kAddress, tree.root()).status()}) {
      ExpectRefused(status, absl::StatusCode::kFailedPrecondition, "GPU or accelerator", "HIP");
    }
  }
}

TEST(PeerMemory, OfADeviceOfUnknownKindIsRefused) {
  for (const char* const pci_class : {"", "storage"}) {
    const PeerTree tree(pci_class);
    ExpectRefused(MapPeerMemory(kAddress, kBytes, tree.root()).status(), absl::StatusCode::kFailedPrecondition,
                  "what kind of device", "mount sysfs");
  }
}

TEST(PeerMemory, NeedsAnAddressAndAFunctionThere) {
  const PeerTree tree(kNvmeClass);
  for (const char* const address : {"", "nvme0", "0000:41:00", "0000:41:00.", "0000-41-00.0", "../../etc", "0000:4g:00.0"}) {
    ExpectRefused(MapPeerMemory(address, kBytes, tree.root()).status(), absl::StatusCode::kInvalidArgument, "no PCI address",
                  "lspci -D");
  }
  ExpectRefused(MapPeerMemory("0000:42:00.0", kBytes, tree.root()).status(), absl::StatusCode::kNotFound, "no PCI function",
                "lspci -D");
}

TEST(PeerMemory, NeedsTheKernelToHavePublishedItAndToLetItBeMapped) {
  PeerTree tree(kNvmeClass);
  tree.Remove(PeerTree::Path("p2pmem/allocate"));
  ExpectRefused(MapPeerMemory(kAddress, kBytes, tree.root()).status(), absl::StatusCode::kUnimplemented, "cannot map",
                "Linux 6.2");
  tree.Remove(PeerTree::Path("p2pmem"));
  ExpectRefused(MapPeerMemory(kAddress, kBytes, tree.root()).status(), absl::StatusCode::kNotFound, "published no", "p2pmem");
}

TEST(PeerMemory, IsMappedInWholePages) {
  const PeerTree tree(kNvmeClass);
  for (const size_t bytes : {size_t{0}, size_t{1}, kBytes - 1}) {
    ExpectRefused(MapPeerMemory(kAddress, bytes, tree.root()).status(), absl::StatusCode::kInvalidArgument, "no whole pages",
                  "multiple of 4096");
  }
}

TEST(DmaBuf, IsMappedAndOutlivesItsDescriptor) {
  FileDescriptor fd(memfd_create("dma-buf", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(fd.get(), kBytes), 0);
  ASSERT_EQ(pwrite(fd.get(), "x", 1, 4096), 1);
  const absl::StatusOr<DeviceMemory> memory = MapDmaBuf(fd.get(), kBytes, "memory of a test");
  fd = FileDescriptor();
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->memory.size(), kBytes);
  EXPECT_EQ(memory->memory[4096], std::byte{'x'});
}

TEST(DmaBuf, ThatCannotBeMappedIsNamed) {
  const absl::Status status = MapDmaBuf(-1, kBytes, "memory of a test").status();
  ExpectRefused(status, absl::StatusCode::kUnavailable, "memory of a test", "lets the CPU map it");
  EXPECT_EQ(ErrnoOf(status), EBADF);
}

}  // namespace
}  // namespace penstock
