// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/guest/loss.h"

#include <gtest/gtest.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "penstock/clock.h"
#include "penstock/error.h"
#include "penstock/read_paths.h"

namespace penstock::guest {

int ResetUnder(const Load& load, const Disk& disk) {
  EXPECT_TRUE(Eventually([&] { return load.folded() > 0; }));
  const std::string controller = "/sys/class/nvme/" + disk.controller;
  int resets = 0;
  for (; !load.over() && resets < 2; ++resets) {
    EXPECT_TRUE(WriteLine(controller + "/reset_controller", "1"));
    EXPECT_TRUE(Eventually([&] { return ReadLine(controller + "/state") == "live"; }));
  }
  EXPECT_GT(resets, 0);
  return resets;
}

void ExpectUnpluggedSourceEndsAlone(Load::Run run, const IngestOptions& options, IngestReport& report) {
  const std::string serial = absl::StrCat("PULLED_", std::string(ReadPathName(*options.path)));
  const Disk disk = DiskOf(serial);
  const Disk other = DiskOf("PLAIN");
  const std::string memory_owner = DiskOf("MEMORY").pci_address;
  const uint64_t free_before = FreePeerMemoryBytes(memory_owner).value_or(0);
  Load load(run, {disk.char_node, other.char_node}, options);
  EXPECT_TRUE(Eventually([&] { return load.folded() >= 4 * options.chunk_bytes; }));
  const uint64_t pulled_ns = MonotonicNs();
  AskHost("device_del id=" + serial);
  const absl::StatusOr<IngestReport>& outcome = load.Report();
  EXPECT_LT(absl::Nanoseconds(MonotonicNs() - pulled_ns), absl::Seconds(15));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  report = *outcome;
  const SourceReport& pulled = report.sources.at(0);
  EXPECT_EQ(pulled.status.code(), absl::StatusCode::kUnavailable) << pulled.status;
  EXPECT_NE(RemedyOf(pulled.status), "");
  EXPECT_EQ(report.status, pulled.status);
  EXPECT_EQ(pulled.bytes % options.chunk_bytes, 0u);
  EXPECT_LT(pulled.bytes, disk.bytes);
  EXPECT_EQ(pulled.result.crc32c, disk.content.Crc32c(0, pulled.bytes)) << "what came before is right";
  EXPECT_TRUE(report.sources.at(1).status.ok()) << "the other source must not suffer: " << report.sources[1].status;
  EXPECT_EQ(report.sources.at(1).result.crc32c, CrcBy(*options.path, other));
  ExpectEveryReadEndedOnce(report);
  EXPECT_EQ(FreePeerMemoryBytes(memory_owner).value_or(0), free_before) << "the pool was given back";
  EXPECT_TRUE(Eventually([&] { return ControllersOf(serial).empty(); })) << "the kernel still has the controller";
  std::cout << "pulled out after " << pulled.bytes << " bytes: " << pulled.status << std::endl;
}

}  // namespace penstock::guest
