// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Controllers that go away or are reset under load: nothing hangs, every read ends once, no byte is wrong, memory is given back.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/guest/loss.h"

namespace penstock::guest {
namespace {

constexpr uint32_t kChunkBytes = 64 * 1024;

class Reset : public testing::TestWithParam<ReadPath> {};

TEST_P(Reset, UnderLoadLosesNoByte) {
  const Disk disk = DiskOf("RESET");  // slow, so that there are always commands in flight
  Load load(IngestCrc32c, {disk.char_node}, By(GetParam(), kChunkBytes, DepthBy(GetParam())));
  const int resets = ResetUnder(load, disk);
  const absl::StatusOr<IngestReport>& report = load.Report();
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
  IngestReport report;
  ExpectUnpluggedSourceEndsAlone(IngestCrc32c, By(GetParam(), kChunkBytes, DepthBy(GetParam())), report);
}

INSTANTIATE_TEST_SUITE_P(, Unplugged, testing::Values(ReadPath::kNvme, ReadPath::kRead), PathParameter);
INSTANTIATE_TEST_SUITE_P(Bar, Unplugged, testing::Values(ReadPath::kBar), PathParameter);

}  // namespace
}  // namespace penstock::guest
