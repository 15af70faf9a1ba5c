// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A GPU's memory that is given to others: what they get is a dma-buf of it, and the device works in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "penstock/error.h"
#include "penstock/hip_device.h"
#include "tests/hip/device_session.h"

namespace penstock {
namespace {

constexpr u32 kBytes = 4 << 20;

class ExportedMemory : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<ExportedGpuMemory> exported = AllocateExported(0, kBytes);
    if (exported.status().code() == absl::StatusCode::kUnavailable) GTEST_SKIP() << exported.status().message();
    ASSERT_TRUE(exported.ok()) << exported.status();
    exported_ = *std::move(exported);
    device_ = MakeHipDevice(HipDeviceOptions()).value();
  }

  u64 Copy(u32 from, u32 to) {
    Work work = RangeWork(layout::kCopy, {from, 0, kBytes});
    layout::EncodeDestination({to, 0}, work.argument.data());
    return ResultOf(RunWork(*device_, work));
  }

  ExportedGpuMemory exported_;
  std::unique_ptr<Device> device_;
};

TEST_F(ExportedMemory, IsADmaBufOfThisLengthAndOfAFunctionThatThereIs) {
  const std::string link = "/proc/self/fd/" + std::to_string(exported_.dma_buf.get());
  EXPECT_THAT(std::filesystem::read_symlink(link).string(), testing::HasSubstr("dmabuf"));
  EXPECT_EQ(lseek(exported_.dma_buf.get(), 0, SEEK_END), kBytes);
  EXPECT_TRUE(std::filesystem::exists("/sys/bus/pci/devices/" + exported_.pci_address)) << exported_.pci_address;
}

TEST_F(ExportedMemory, IsReadAndWrittenByTheDevice) {
  std::vector<u8> from(kBytes);
  std::vector<u8> back(kBytes);
  for (u32 i = 0; i < kBytes; ++i) from[i] = static_cast<u8>(i * 7 + i / 256);
  const u32 source = Register(*device_, absl::MakeSpan(from));
  const u32 middle =
      device_->RegisterDeviceMemory(exported_.device_address, kBytes, layout::kBufferRead | layout::kBufferWrite).value();
  const u32 target = Register(*device_, absl::MakeSpan(back));
  ASSERT_TRUE(device_->Start().ok());
  EXPECT_EQ(Copy(source, middle), kBytes);
  EXPECT_EQ(Copy(middle, target), kBytes);
  EXPECT_EQ(from, back);
  device_.reset();  // freeing the memory would wait for the kernel
}

TEST_F(ExportedMemory, IsImportedAgainOrTheRemedyIsNamed) {
  const absl::StatusOr<std::optional<u64>> imported = device_->ImportDmaBuf(exported_.dma_buf.get(), kBytes);
  if (imported.ok()) {
    EXPECT_TRUE(imported->has_value());
  } else {
    EXPECT_EQ(imported.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(RemedyOf(imported.status()), testing::HasSubstr("AllocateExported"));
  }
}

}  // namespace
}  // namespace penstock
