// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Controllers that go away or are reset under load: nothing hangs, every read ends once, no byte is wrong, memory is given back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

constexpr uint32_t kChunkBytes = 64 * 1024;

/// What a load reads of each disk. Into a BAR QEMU reads a page at a time, and each counts for a disk's reads a second.
std::optional<uint64_t> LengthBy(ReadPath path) {
  return path == ReadPath::kBar ? std::optional<uint64_t>(2 << 20) : std::nullopt;
}

/// Under path bar QEMU 7.2 has one buffer for all reads into a BAR, and stands still for good if the controller is reset while
/// one of several reads waits for it.
uint32_t DepthBy(ReadPath path) { return path == ReadPath::kBar ? 1 : 16; }

uint32_t CrcBy(ReadPath path, const Disk& disk) {
  const std::optional<uint64_t> length = LengthBy(path);
  return length.has_value() ? disk.content.Crc32c(0, *length) : disk.crc32c;
}

/// A run on a thread of its own, of which is known how far it has come.
class Load {
 public:
  Load(std::vector<std::string> sources, IngestOptions options) {
    options.length_bytes = LengthBy(*options.path);
    options.progress = [this](uint64_t bytes) { folded_ = bytes; };
    thread_ = std::thread([this, sources = std::move(sources), options] {
      report_ = IngestCrc32c(sources, options);
      over_ = true;
    });
  }
  ~Load() {
    if (thread_.joinable()) thread_.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  uint64_t folded() const { return folded_; }
  bool over() const { return over_; }
  const absl::StatusOr<IngestReport>& Report() {
    if (thread_.joinable()) thread_.join();
    return report_;
  }

 private:
  std::atomic<uint64_t> folded_ = 0;
  std::atomic<bool> over_ = false;
  absl::StatusOr<IngestReport> report_ = absl::UnknownError("it never came back");
  std::thread thread_;
};

class Reset : public testing::TestWithParam<ReadPath> {};

TEST_P(Reset, UnderLoadLosesNoByte) {
  const Disk disk = DiskOf("RESET");  // slow, so that there are always commands in flight
  Load load({disk.char_node}, By(GetParam(), kChunkBytes, DepthBy(GetParam())));
  EXPECT_TRUE(Eventually([&] { return load.folded() > 0; }));
  const std::string controller = "/sys/class/nvme/" + disk.controller;
  int resets = 0;
  for (; !load.over() && resets < 2; ++resets) {
    EXPECT_TRUE(WriteLine(controller + "/reset_controller", "1"));
    EXPECT_TRUE(Eventually([&] { return ReadLine(controller + "/state") == "live"; }));
  }
  const absl::StatusOr<IngestReport>& report = load.Report();
  EXPECT_GT(resets, 0);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->status.ok()) << report->status;
  for (const SourceReport& source : report->sources) EXPECT_EQ(source.result.crc32c, CrcBy(GetParam(), disk));
  ExpectEveryReadEndedOnce(*report);
  std::cout << resets << " resets, " << report->reads.resubmitted << " reads sent again" << std::endl;
}

INSTANTIATE_TEST_SUITE_P(, Reset, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Reset, testing::Values(ReadPath::kBar), PathParameter);

class Unplugged : public testing::TestWithParam<ReadPath> {};

TEST_P(Unplugged, ControllerEndsASourceUnderLoadWithAnError) {
  const std::string serial = absl::StrCat("PULLED_", std::string(ReadPathName(GetParam())));
  const Disk disk = DiskOf(serial);
  const Disk other = DiskOf("PLAIN");
  const std::string memory_owner = DiskOf("MEMORY").pci_address;
  const uint64_t free_before = FreePeerMemoryBytes(memory_owner).value_or(0);
  Load load({disk.char_node, other.char_node}, By(GetParam(), kChunkBytes, DepthBy(GetParam())));
  EXPECT_TRUE(Eventually([&] { return load.folded() >= 4 * kChunkBytes; }));
  const uint64_t pulled_ns = MonotonicNs();
  AskHost("device_del id=" + serial);
  const absl::StatusOr<IngestReport>& report = load.Report();
  EXPECT_LT(absl::Nanoseconds(MonotonicNs() - pulled_ns), absl::Seconds(15));
  ASSERT_TRUE(report.ok()) << report.status();
  const SourceReport& pulled = report->sources.at(0);
  EXPECT_EQ(pulled.status.code(), absl::StatusCode::kUnavailable) << pulled.status;
  EXPECT_NE(RemedyOf(pulled.status), "");
  EXPECT_EQ(pulled.bytes % kChunkBytes, 0u);
  EXPECT_LT(pulled.bytes, disk.bytes);
  EXPECT_EQ(pulled.result.crc32c, disk.content.Crc32c(0, pulled.bytes)) << "what came before is right";
  EXPECT_TRUE(report->sources.at(1).status.ok()) << "the other source must not suffer: " << report->sources[1].status;
  EXPECT_EQ(report->sources.at(1).result.crc32c, CrcBy(GetParam(), other));
  ExpectEveryReadEndedOnce(*report);
  EXPECT_EQ(FreePeerMemoryBytes(memory_owner).value_or(0), free_before) << "the pool was given back";
  EXPECT_TRUE(Eventually([&] { return ControllersOf(serial).empty(); })) << "the kernel still has the controller";
  std::cout << "pulled out after " << pulled.bytes << " bytes: " << pulled.status << std::endl;
}

INSTANTIATE_TEST_SUITE_P(, Unplugged, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Unplugged, testing::Values(ReadPath::kBar), PathParameter);

}  // namespace
}  // namespace penstock::guest
