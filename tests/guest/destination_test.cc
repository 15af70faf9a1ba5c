// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a read can land: peer-to-peer memory, a BAR whose pages cannot be pinned, a dma-buf. Nothing is assumed of a destination:
// what the kernel refuses is told, and what works was seen to work.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>

#include "penstock/error.h"
#include "penstock/file_descriptor.h"
#include "penstock/read_paths.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

IngestOptions In(const BufferPoolMaker& make_pool, std::optional<ReadPath> path = std::nullopt) {
  IngestOptions options = By(ReadPath::kNvme);
  options.path = path;
  options.make_pool = make_pool;
  return options;
}

TEST(PeerMemory, CannotBeRegisteredWhichIsExplained) {
  const Disk disk = DiskOf("BLOCKS4096");
  EXPECT_THAT(Story(disk, disk.char_node, In(PeerMemoryPools(DiskOf("MEMORY").pci_address), ReadPath::kNvme)),
              AllOf(HasSubstr("demanded and is refused"), HasSubstr("EFAULT"), HasSubstr("Fix: ")));
}

TEST(PeerMemory, TakesPlainDirectReadsWherePassthroughIsRefused) {
  const Disk disk = DiskOf("METADATA");
  EXPECT_THAT(Story(disk, disk.char_node, In(PeerMemoryPools(DiskOf("MEMORY").pci_address))),
              AllOf(StartsWith("read all bytes; not bar"), HasSubstr("metadata")));
}

TEST(PeerMemory, IsFreeAgainAfterARun) {
  const std::string address = DiskOf("MEMORY").pci_address;
  const uint64_t before = FreePeerMemoryBytes(address).value();
  const Disk disk = DiskOf("BLOCKS4096");
  ExpectWhole({disk}, {disk.char_node}, By(ReadPath::kBar));
  EXPECT_EQ(FreePeerMemoryBytes(address).value(), before);
}

/// A BAR mapped by its file in sysfs: the CPU reaches it, but its pages cannot be pinned, as those of a GPU on a stock kernel.
/// Each pool is a part of its own.
class BareBar {
 public:
  BareBar() {
    const std::string function = "/sys/bus/pci/devices/" + BareBarAddress();
    EXPECT_TRUE(WriteLine(function + "/enable", "1"));
    const FileDescriptor fd(open((function + "/resource2").c_str(), O_RDWR | O_CLOEXEC));
    void* const base = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    EXPECT_NE(base, MAP_FAILED);
    memory_ = {static_cast<std::byte*>(base), kBytes};
  }
  ~BareBar() { munmap(memory_.data(), memory_.size()); }
  BareBar(const BareBar&) = delete;
  BareBar& operator=(const BareBar&) = delete;

  BufferPoolMaker Pools() {
    return [this](const BufferPool::Options& options) {
      const size_t bytes = options.buffer_bytes * options.buffer_count;
      const absl::Span<std::byte> part = memory_.subspan(used_, bytes);
      used_ += bytes;
      return BufferPool::CreateIn({.memory = part, .name = "a bare BAR"}, options);
    };
  }

 private:
  static constexpr size_t kBytes = 16 << 20;
  absl::Span<std::byte> memory_;
  size_t used_ = 0;
};

TEST(BareBar, CannotBeReadIntoDirectlyWhichIsExplained) {
  const Disk disk = DiskOf("BLOCKS4096");
  BareBar bar;
  for (const ReadPath path : {ReadPath::kBar, ReadPath::kNvme, ReadPath::kRead}) {
    EXPECT_THAT(Story(disk, disk.char_node, In(bar.Pools(), path)),
                AllOf(HasSubstr("demanded and is refused"), HasSubstr("EFAULT"), HasSubstr("pin")))
        << ReadPathName(path);
  }
}

TEST(BareBar, IsFilledByTheCpuAsTheLastResort) {
  const Disk disk = DiskOf("BLOCKS4096");
  BareBar bar;
  EXPECT_THAT(Story(disk, disk.char_node, In(bar.Pools())),
              AllOf(StartsWith("pread all bytes; not bar"), HasSubstr("not read"), HasSubstr("EFAULT")));
}

/// A dma-buf whose memory is a memfd's, and a mapping of that.
struct UserDmaBuf {
  FileDescriptor memory{memfd_create("dma-buf", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  FileDescriptor buffer;
  std::byte* seen = nullptr;

  explicit UserDmaBuf(size_t bytes) {
    EXPECT_EQ(ftruncate(memory.get(), static_cast<off_t>(bytes)), 0);
    EXPECT_EQ(fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
    seen = static_cast<std::byte*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0));
    const FileDescriptor maker(open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
    EXPECT_GE(maker.get(), 0) << "/dev/udmabuf";
    udmabuf_create request{
        .memfd = static_cast<uint32_t>(memory.get()), .flags = UDMABUF_FLAGS_CLOEXEC, .offset = 0, .size = bytes};
    buffer = FileDescriptor(ioctl(maker.get(), UDMABUF_CREATE, &request));
    EXPECT_GE(buffer.get(), 0);
  }
};

TEST(DmaBuf, IsMappedAndWhatLandsThereIsSeenByItsOwner) {
  constexpr size_t kBytes = 64 * 1024;
  const UserDmaBuf dma_buf(kBytes);
  const absl::StatusOr<DeviceMemory> memory = MapDmaBuf(dma_buf.buffer.get(), kBytes, "udmabuf");
  ASSERT_TRUE(memory.ok()) << memory.status();
  ASSERT_EQ(memory->memory.size(), kBytes);
  std::fill(memory->memory.begin(), memory->memory.end(), std::byte{0x5A});
  EXPECT_EQ(std::count(dma_buf.seen, dma_buf.seen + kBytes, std::byte{0x5A}), static_cast<ptrdiff_t>(kBytes));
  const absl::StatusOr<DeviceMemory> too_large = MapDmaBuf(dma_buf.buffer.get(), 2 * kBytes, "udmabuf");
  EXPECT_EQ(too_large.status().code(), absl::StatusCode::kUnavailable);
}

TEST(DmaBuf, IsProbedAndNeverAssumed) {
  constexpr size_t kBytes = 256 * 1024;
  const UserDmaBuf dma_buf(kBytes);
  const DeviceMemory memory = MapDmaBuf(dma_buf.buffer.get(), kBytes, "udmabuf").value();
  const Disk disk = DiskOf("PLAIN");
  const Volume volume = Volume::Open(disk.char_node).value();
  const auto refusal = ProbePath(ReadPath::kBar, volume,
                                 [&](const BufferPool::Options& options) { return BufferPool::CreateIn(memory, options); });
  if (refusal.has_value()) {
    EXPECT_THAT(refusal->cause, HasSubstr("EFAULT"));
    EXPECT_NE(refusal->remedy, "");
    std::cout << "the kernel refuses a read into a udmabuf: " << refusal->cause << std::endl;
  } else {
    EXPECT_EQ(disk.content.FirstDifference({dma_buf.seen, 4096}, 0), std::nullopt) << "what the probe verified is there";
    std::cout << "the kernel reads into a udmabuf" << std::endl;
  }
}

}  // namespace
}  // namespace penstock::guest
