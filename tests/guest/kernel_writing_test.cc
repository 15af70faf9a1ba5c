// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The resident kernel writes to a disk: into the extent that it was given, by every path, and not a byte beside it. The host
// looks at the image after the boot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "penstock/error.h"
#include "tests/guest/asking_kernel.h"
#include "tests/guest/disk_reader.h"
#include "tests/guest/ingest_run.h"

namespace penstock::guest {
namespace {

using layout::IoCause;
using layout::IoRequest;

// Of a disk of 4 MiB: neither end is a multiple of a chunk, so that a neighbour's chunk is shared.
constexpr uint64_t kBase = (1 << 20) + 4096;
constexpr uint64_t kLength = (1 << 20) + 3 * 4096;
constexpr u32 kPieces = 16;

/// Every byte of the extent is what was written, every other one of the disk what it was, as `path` reads them.
void ExpectExtentRewritten(const Disk& disk, ReadPath path) {
  DiskReader reader(disk, path);
  for (uint64_t offset = 0; offset < disk.bytes; offset += DiskBytes::kUnitBytes) {
    ASSERT_EQ(reader.ReadOne(offset, DiskBytes::kUnitBytes).status, absl::OkStatus());
    const bool is_written = offset >= kBase && offset < kBase + kLength;
    const DiskBytes& expected = is_written ? disk.rewritten : disk.content;
    ASSERT_EQ(expected.FirstDifference(reader.buffer(0).first(DiskBytes::kUnitBytes), offset), std::nullopt)
        << "by path " << ReadPathName(path) << (is_written ? ", written" : ", a neighbour");
  }
}

class KernelWriting : public testing::TestWithParam<ReadPath> {
 protected:
  static Disk TheDisk() { return DiskOf("ASKED_" + std::string(ReadPathName(GetParam()))); }
  static AskingKernel::Shape OfPath() { return {.service = {.depth = 32, .path = GetParam()}, .pieces = kPieces}; }
};

/// Writes the extent in pieces of 4 to 64 KiB, in no order of places, as many at once as there is memory for.
void WriteExtent(AskingKernel& kernel, u32 source, const Disk& disk) {
  std::mt19937 random(5);
  std::vector<IoRequest> requests;
  for (uint64_t at = 0; at < kLength;) {
    const auto bytes = static_cast<u32>(std::min<uint64_t>(kLength - at, (1 + random() % 16) * DiskBytes::kUnitBytes));
    requests.push_back({layout::kIoWrite, source, 0, at, bytes, 0});
    at += bytes;
  }
  std::shuffle(requests.begin(), requests.end(), random);
  for (size_t next = 0; next < requests.size();) {
    std::vector<std::pair<Ticket, u32>> asked;
    for (u32 piece = 0; piece < kPieces && next < requests.size(); ++piece, ++next) {
      IoRequest& request = requests[next];
      request.destination_handle = kernel.destination(piece);
      disk.rewritten.Fill(kernel.piece(piece).first(request.byte_count), kBase + request.offset_bytes);
      asked.emplace_back(kernel.Publish(request), request.byte_count);
    }
    for (const auto& [ticket, bytes] : asked) {
      std::optional<layout::IoEnd> end;
      ASSERT_TRUE(Eventually([&, id = ticket] { return (end = kernel.TryTake(id)).has_value(); })) << "a request is lost";
      EXPECT_EQ(CauseOf(*end), IoCause::kNone) << layout::IoCauseText(CauseOf(*end));
      EXPECT_EQ(end->bytes, bytes);
    }
  }
}

TEST_P(KernelWriting, RewritesItsExtentAndNoneOfItsNeighbours) {
  const Disk disk = TheDisk();
  {
    AskingKernel kernel(By(GetParam()).make_pool, OfPath());
    const u32 source = kernel.AddSource(Volume::OpenForWriting(disk.char_node),
                                        {.base_bytes = kBase, .length_bytes = kLength, .may_write = true});
    EXPECT_EQ(kernel.service().PathOf(source, GetParam() == ReadPath::kBar), GetParam());
    kernel.Start();
    WriteExtent(kernel, source, disk);
    const IoRequest back = {layout::kIoRead, source, kernel.destination(0), 4096, 64 * 1024, 0};
    EXPECT_EQ(CauseOf(kernel.Do(back)), IoCause::kNone);
    EXPECT_EQ(disk.rewritten.FirstDifference(kernel.piece(0), kBase + 4096), std::nullopt) << "what it reads back";
    kernel.Stop();
    EXPECT_EQ(kernel.service().counts().protocol_errors, 0u);
  }
  for (const ReadPath path : {ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread}) ExpectExtentRewritten(disk, path);
  TellHostOfRewritten(disk, kBase, kLength);
}

TEST_P(KernelWriting, IsRefusedOutsideOfTheExtentAndWithoutTheRight) {
  const Disk disk = DiskOf("BLOCKS4096");  // of which the host sees that it stays as it is
  AskingKernel kernel(By(GetParam()).make_pool, OfPath());
  const absl::StatusOr<Volume> to_read = Volume::Open(disk.char_node);
  const u32 extent =
      kernel.AddSource(Volume::OpenForWriting(disk.char_node), {.base_bytes = kBase, .length_bytes = kLength, .may_write = true});
  const u32 read_only = kernel.AddSource(Volume::Open(disk.char_node), {});
  EXPECT_FALSE(kernel.service().RegisterSource(*to_read, {.may_write = true}).ok()) << "it was opened to be read";
  kernel.Start();
  const u32 memory = kernel.destination(0);
  const auto cause_of = [&](const IoRequest& request) { return CauseOf(kernel.Do(request)); };
  EXPECT_EQ(cause_of({layout::kIoWrite, read_only, memory, 0, 4096, 0}), IoCause::kDenied);
  EXPECT_EQ(cause_of({layout::kIoWrite, extent, memory, kLength, 4096, 0}), IoCause::kOutOfRange);
  EXPECT_EQ(cause_of({layout::kIoWrite, extent, memory, kLength - 4096, 8192, 0}), IoCause::kOutOfRange);
  EXPECT_EQ(cause_of({layout::kIoWrite, extent, memory, ~uint64_t{4095}, 4096, 0}), IoCause::kOutOfRange);
  EXPECT_EQ(cause_of({layout::kIoWrite, extent, memory, 0, 128 * 1024, 0}), IoCause::kOutOfRange) << "more than the memory";
  if (GetParam() != ReadPath::kPread) {
    EXPECT_EQ(cause_of({layout::kIoWrite, extent, memory, 512, 4096, 0}), IoCause::kMisaligned);
    EXPECT_EQ(cause_of({layout::kIoWrite, extent, memory, 0, 512, 0}), IoCause::kMisaligned);
  }
  EXPECT_EQ(cause_of({layout::kIoWrite, extent + (1 << 16), memory, 0, 4096, 0}), IoCause::kBadSource);
  kernel.Stop();
  EXPECT_EQ(kernel.service().counts().bytes, 0u);
}

INSTANTIATE_TEST_SUITE_P(, KernelWriting, testing::Values(ReadPath::kNvme, ReadPath::kRead, ReadPath::kPread), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, KernelWriting, testing::Values(ReadPath::kBar), PathParameter);

}  // namespace
}  // namespace penstock::guest
