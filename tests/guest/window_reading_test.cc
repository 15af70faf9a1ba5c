// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a window is for: a disk's bytes land in a PCI function's memory, where they belong and nowhere else, and no CPU copies
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "tests/driver/child_process.h"
#include "tests/guest/ingest_run.h"
#include "tests/guest/window_rig.h"

namespace penstock::guest {
namespace {

const std::vector<BarPiece> kOnePiece = {{.offset_bytes = 4 * kMebibyte, .length_bytes = 8 * kMebibyte}};
const std::vector<BarPiece> kPieces = {{.offset_bytes = 32 * kMebibyte, .length_bytes = 2 * kMebibyte},
                                       {.offset_bytes = 16 * kMebibyte, .length_bytes = 4 * kMebibyte},
                                       {.offset_bytes = 40 * kMebibyte, .length_bytes = 2 * kMebibyte}};

using WindowReading = WindowTest;

TEST_F(WindowReading, BringsADiskIntoTheBarAndTouchesNothingBesideIt) {
  WholeBar bar(pci_address());
  bar.Mark();
  const Disk disk = DiskOf("PLAIN");
  for (const auto& pieces : {kOnePiece, kPieces}) {
    const Made made = Make(pieces);
    const IngestReport report = ExpectWhole({disk}, {disk.char_node}, IntoWindow(windows_, made.number));
    ExpectTheControllersAgree(report);
    EXPECT_EQ(windows_.Release(made.number), absl::OkStatus());
  }
  std::vector<BarPiece> both = kOnePiece;
  both.insert(both.end(), kPieces.begin(), kPieces.end());
  EXPECT_EQ(bar.FirstChangeOutside(both), kBarBytes);
}

TEST_F(WindowReading, LandsWhereTheOwnerOfTheBarSeesIt) {
  const WholeBar bar(pci_address());
  const Disk disk = DiskOf("PLAIN");
  const Made made = Make(kOnePiece);
  IngestOptions options = IntoWindow(windows_, made.number, 256 * 1024, 2);
  options.length_bytes = kMebibyte;
  const auto report = IngestCrc32c({disk.char_node}, options);
  ASSERT_TRUE(report.ok() && report->status.ok()) << report.status();
  // Whichever of the window's buffers a chunk went through: the last of them is there, whole.
  const absl::Span<std::byte> window = bar.bytes().subspan(kOnePiece[0].offset_bytes, kOnePiece[0].length_bytes);
  bool found = false;
  for (size_t at = 0; at + 256 * 1024 <= window.size() && !found; at += 4096) {
    found = !disk.content.FirstDifference(window.subspan(at, 256 * 1024), kMebibyte - 256 * 1024).has_value();
  }
  EXPECT_TRUE(found);
}

TEST_F(WindowReading, MapsThePiecesInTheirOrder) {
  const WholeBar bar(pci_address());
  const Made made = Make(kPieces);
  const DeviceMemory window = windows_.Map(made.number).value();
  size_t at = 0;
  for (const BarPiece& piece : kPieces) {
    for (const uint64_t within : {uint64_t{0}, piece.length_bytes - 8}) {
      const uint64_t word = Mix(at + within);
      std::memcpy(&window.memory[at + within], &word, sizeof(word));
      EXPECT_EQ(std::memcmp(&bar.bytes()[piece.offset_bytes + within], &word, sizeof(word)), 0) << at + within;
    }
    at += piece.length_bytes;
  }
  EXPECT_EQ(window.memory.size(), at);
}

TEST_F(WindowReading, WorksForBusAddressesToo) {
  const Disk disk = DiskOf("PLAIN");
  ExpectWhole({disk}, {disk.char_node}, IntoWindow(windows_, Make(kPieces, {.flags = PENSTOCK_EXPORTER_BUS_ADDRESSES}).number));
}

TEST_F(WindowReading, WorksAgainInTheSamePlace) {
  const Disk disk = DiskOf("PLAIN");
  for (int i = 0; i < 3; ++i) {
    const Made made = Make(kOnePiece);
    ExpectWhole({disk}, {disk.char_node}, IntoWindow(windows_, made.number));
    EXPECT_TRUE(windows_.Release(made.number).ok());
  }
}

TEST_F(WindowReading, IsSharedByProcessesAndOutlivesThem) {
  const std::string number = RunInChild([&] { return std::to_string(Make(kOnePiece).number); });
  ASSERT_NE(number, "");
  const auto window = static_cast<uint32_t>(std::stoul(number));
  const DeviceMemory here = windows_.Map(window).value();
  RunInChild([&]() -> std::string {
    const DeviceMemory there = windows_.Map(window).value();
    there.memory[5] = std::byte{0x5A};
    return "written";
  });
  EXPECT_EQ(here.memory[5], std::byte{0x5A});
  EXPECT_EQ(windows_.Find(window).value().mapping_count, 1u);
}

TEST_F(WindowReading, HandsTheSameBufferOutAgain) {
  const Made made = Make(kOnePiece);
  const FileDescriptor again = windows_.Export(made.number).value();
  struct stat first = {}, second = {};
  ASSERT_EQ(fstat(made.buffer.dma_buf.get(), &first), 0);
  ASSERT_EQ(fstat(again.get(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
}

}  // namespace
}  // namespace penstock::guest
