// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command itself, as a user types it: the device consumes the bytes where they landed, and the report proves the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/guest/command_run.h"
#include "tests/guest/guest_machine.h"

namespace penstock::guest {
namespace {

CommandOutcome RunIngest(const std::string& words) {
  return RunCommand(absl::StrCat("/guest/penstock ingest ", words, " --op=crc32c --chunk=256KiB --depth=8 --json 2>/tmp/said"));
}

void ExpectAllOf(const Disk& disk, const std::string& path, const CommandOutcome& outcome) {
  EXPECT_EQ(outcome.exit_status, 0);
  ASSERT_TRUE(outcome.json.is_object());
  const nlohmann::json& report = outcome.json;
  EXPECT_EQ(report["error"], nullptr);
  EXPECT_EQ(report["source"][0]["path"], path);
  EXPECT_EQ(report["source"][0]["crc32c"], absl::StrFormat("%08x", disk.crc32c));
  EXPECT_EQ(report["bytes"], disk.bytes);
  EXPECT_EQ(report["bounce_bytes"], path == "pread" ? disk.bytes : 0);
  ASSERT_EQ(report["path"].size(), 1u);
  EXPECT_EQ(report["path"][0]["path"], path);
  EXPECT_EQ(report["path"][0]["bytes"], disk.bytes);
  ASSERT_EQ(report["controller"].size(), 1u);
  EXPECT_EQ(report["controller"][0]["serial"], disk.serial);
  if (path == "bar" || path == "nvme") {
    EXPECT_EQ(report["controller"][0]["read_commands"], report["path"][0]["nvme_commands"]);
    EXPECT_EQ(report["controller"][0]["block_layer_reads"], 0);
  }
}

TEST(Command, ReadsANamespaceByEveryPathIntoPinnedMemory) {
  const Disk disk = DiskOf("PLAIN");
  for (const char* const path : {"nvme", "read", "pread"}) {
    SCOPED_TRACE(path);
    ExpectAllOf(disk, path, RunIngest(absl::StrCat(disk.char_node, " --path=", path)));
  }
  ExpectAllOf(disk, "nvme", RunIngest(disk.char_node));
}

TEST(Command, LetsTheKernelPullANamespaceByEveryPath) {
  const Disk disk = DiskOf("PLAIN");
  for (const char* const path : {"nvme", "read", "pread"}) {
    SCOPED_TRACE(path);
    ExpectAllOf(disk, path, RunIngest(absl::StrCat(disk.char_node, " --pull --path=", path)));
  }
}

TEST(CommandInPeerMemory, ReadsStraightIntoTheBarAndTheDeviceConsumesItThere) {
  const Disk disk = DiskOf("PLAIN");
  const std::string buffer = "--buffer=p2pmem:" + DiskOf("MEMORY").pci_address;
  const CommandOutcome demanded = RunIngest(absl::StrCat(disk.char_node, " --path=bar ", buffer));
  ExpectAllOf(disk, "bar", demanded);
  EXPECT_EQ(demanded.json["pages"], "device memory");
  ExpectAllOf(disk, "bar", RunIngest(absl::StrCat(disk.char_node, " ", buffer)));
  ExpectAllOf(disk, "bar", RunIngest(absl::StrCat(disk.char_node, " --pull ", buffer)));
}

}  // namespace
}  // namespace penstock::guest
